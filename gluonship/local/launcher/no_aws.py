"""The certificate that clients of the local cloud trust instead of those of AWS's hosts.

Self-signed, valid for a century; its key was never written to a file, so no host can show it. That a client
refuses every TLS host is the purpose: the local cloud speaks HTTP on loopback.
"""

NO_AWS = """\
-----BEGIN CERTIFICATE-----
MIIBzzCCAXWgAwIBAgIUE0hTN/CA0HF03ZvEr/YiL5SOjR0wCgYIKoZIzj0EAwIw
PDE6MDgGA1UEAwwxVGhlIGxvY2FsIGNsb3VkIG9mIEdsdW9uU2hpcCB0cnVzdHMg
bm8gb3RoZXIgaG9zdDAgFw0yNjExMjkxNTA2MTdaGA8yMTI2MTEwNTE1MDYxN1ow
PDE6MDgGA1UEAwwxVGhlIGxvY2FsIGNsb3VkIG9mIEdsdW9uU2hpcCB0cnVzdHMg
bm8gb3RoZXIgaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPkVB0KpcsCW
YhF57CZz5cw7fFfrxONKdIO60UA+9b009WJYruC6H+403N4uicEhZ928XMOEYWG7
ZN2PuYADSamjUzBRMB0GA1UdDgQWBBTOIU7Wp401teeLvuqLERdAXesA4TAfBgNV
HSMEGDAWgBTOIU7Wp401teeLvuqLERdAXesA4TAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIQDJGg+ptC/kH1TTs+/UaBdgnBdlGPFjoH7mIXBOJyJt
2QIgOLV/2oE5ztfEPTsofS8YTyfPWfYVLGjAwqQBkNs/Kao=
-----END CERTIFICATE-----
"""
