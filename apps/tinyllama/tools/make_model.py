"""Write tinyllama's model: a llama of random weights that answers any prompt with printable text.

Dimension 0 of the hidden state is a constant that no layer changes. With it the output matrix makes
every token impossible that is not a letter or a space: no end of text, no invalid UTF-8. Attention
has large weights, so that every answer depends on its prompt. The numbers are uniform, not normal:
normal ones would be rounded differently on different systems.
"""

import string
import sys
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

LAYERS, WIDTH, HEADS, INNER, CONTEXT = 2, 64, 2, 160, 2048
SPECIAL, BYTES = ["<unk>", "<s>", "</s>"], [f"<0x{byte:02X}>" for byte in range(256)]
SPACE = "\u2581"  # what sentencepiece writes for a space
TOKENS = [*SPECIAL, *BYTES, SPACE]
KINDS = [
    gguf.TokenType.UNKNOWN,
    *[gguf.TokenType.CONTROL] * 2,
    *[gguf.TokenType.BYTE] * len(BYTES),
    gguf.TokenType.NORMAL,
]
LETTERS = [len(SPECIAL) + ord(letter) for letter in string.ascii_lowercase]
PRINTABLE = [*LETTERS, TOKENS.index(SPACE)]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def weights() -> Iterator[tuple[str, Matrix]]:
    """Yield the name and the values of every tensor."""
    rng = np.random.default_rng(seed=20260319)

    def uniform(rows: int, columns: int, gain: float = 1.0) -> Matrix:
        bound = np.float32(gain * (3 / columns) ** 0.5)
        return (rng.random((rows, columns), dtype=np.float32) * 2 - 1) * bound

    def reading(rows: int, gain: float) -> Matrix:
        matrix = uniform(rows, WIDTH, gain)
        matrix[:, 0] = 0  # else the constant would give every answer the same letter
        return matrix

    def writing(columns: int, gain: float) -> Matrix:
        matrix = uniform(WIDTH, columns, gain)
        matrix[0] = 0  # dimension 0 stays constant
        return matrix

    ones = np.ones(WIDTH, dtype=np.float32)
    embedding = uniform(len(TOKENS), WIDTH, WIDTH**0.5)
    embedding[:, 0] = 4
    output = uniform(len(TOKENS), WIDTH, 4)
    output[:, 0] = -10_000
    output[PRINTABLE, 0] = 0
    yield "token_embd.weight", embedding
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", ones
        yield block + "attn_q.weight", reading(WIDTH, 1.5)
        yield block + "attn_k.weight", reading(WIDTH, 1.5)
        yield block + "attn_v.weight", reading(WIDTH, 1)
        yield block + "attn_output.weight", writing(WIDTH, 4)
        yield block + "ffn_norm.weight", ones
        yield block + "ffn_gate.weight", reading(INNER, 2)
        yield block + "ffn_up.weight", reading(INNER, 2)
        yield block + "ffn_down.weight", writing(INNER, 2)
    yield "output_norm.weight", ones
    yield "output.weight", output


def write(path: Path) -> None:
    """Write the model to `path`, whole or not at all."""
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_name("tinyllama")
    writer.add_license("MIT")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types(KINDS)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(value=True)
    writer.add_add_space_prefix(value=False)
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, values in weights():
        writer.add_tensor(name, values)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    writer.write_header_to_file(part)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)


def main() -> int:
    """Write the model to the file named on the command line."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the file
        print("usage: make_model.py OUTPUT_FILE", file=sys.stderr)
        return 1
    write(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
