"""JSON pointers: paths into a JSON document (RFC 6901)."""


def resolve_pointer(document: object, pointer: str) -> object:
    """Return what *pointer* names in *document*. Raises LookupError."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            if not key.isdigit():
                raise LookupError(pointer)
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value[key]
        else:
            raise LookupError(pointer)  # noqa: TRY004  # one error for every missing value
    return value
