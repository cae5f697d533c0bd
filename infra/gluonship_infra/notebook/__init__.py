"""SageMaker notebook instances with the kit in them."""

from gluonship_infra.notebook.instance import NotebookInstance

__all__ = ["NotebookInstance"]
