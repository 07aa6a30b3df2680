"""The queue of documents to embed: `celery -A rag.queue worker`."""

from celery import Celery
from sqlalchemy.orm import Session

from rag.database import open_engine
from rag.embeddings import EmbeddingError, embed
from rag.models import Document, Piece
from rag.pieces import cut
from rag.settings import Settings, load_settings

MOST_AT_ONCE = 16


def create_queue(settings: Settings) -> Celery:
    """Return the queue: Redis where it is configured, else a folder in the storage."""
    queue = Celery("rag")
    queue.conf.update(
        broker_url=settings.broker_url or "filesystem://",
        broker_connection_retry_on_startup=True,
        task_ignore_result=True,
        worker_hijack_root_logger=False,
        task_acks_late=True,
    )
    if not settings.broker_url:
        folder = settings.storage_path / "queue"
        for name in ("messages", "control"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        messages = str(folder / "messages")
        queue.conf.broker_transport_options = {
            "data_folder_in": messages,
            "data_folder_out": messages,
            "control_folder": str(folder / "control"),
            "polling_interval": 0.2,
        }
    return queue


app = create_queue(load_settings())


@app.task(name="rag.ingest")
def ingest(document_id: int) -> None:
    """Cut and embed a document; its row says what became of it."""
    settings = load_settings()
    engine = open_engine(settings.storage_path)
    with Session(engine) as session:
        document = session.get(Document, document_id)
        if document is None:  # removed while it waited
            return
        texts = cut(document.text, settings.piece_length)
        try:
            vectors = [
                vector
                for start in range(0, len(texts), MOST_AT_ONCE)
                for vector in embed(settings.openai_base_url, texts[start : start + MOST_AT_ONCE])
            ]
        except EmbeddingError as error:
            document.state, document.reason = "failed", str(error)
        else:
            document.pieces = [
                Piece(text=text, vector=vector) for text, vector in zip(texts, vectors, strict=True)
            ]
            document.state, document.reason = "ready", ""
        session.commit()
    engine.dispose()
