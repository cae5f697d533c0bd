"""The wire: one HTTP port on which AWS's clients find every service, answered as AWS answers."""
