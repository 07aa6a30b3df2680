"""The tables."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """What all tables have in common."""


class Document(Base):
    """A text that was handed in; *state* is queued, ready or failed, *reason* says why."""

    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    text: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    reason: Mapped[str] = mapped_column(default="")
    pieces: Mapped[list["Piece"]] = relationship(
        back_populates="document", cascade="all, delete-orphan"
    )


class Piece(Base):
    """A part of a document and its vector: 32-bit floats of length 1."""

    __tablename__ = "pieces"
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), index=True)
    text: Mapped[str]
    vector: Mapped[bytes]
    document: Mapped[Document] = relationship(back_populates="pieces")
