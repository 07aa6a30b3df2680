"""Failures that the client is told about."""


class ArgoError(Exception):
    """A request failed with *status* because of *detail*; *service* is the service that failed."""

    def __init__(self, status: int, detail: str, service: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.service = service

    def body(self) -> dict[str, str]:
        """Return the JSON body of the error response."""
        return {"detail": self.detail} | ({"service": self.service} if self.service else {})
