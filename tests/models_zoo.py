"""Small random models of the architectures we support, saved as users have them: safetensors, config, tokenizer.

Nothing in them is trained; two builds with the same arguments give the same weights and the same tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    GteConfig,
    GteModel,
    ModernBertConfig,
    ModernBertModel,
    NomicBertConfig,
    NomicBertModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2Model,
    Qwen3Config,
    Qwen3Model,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from transformers.utils import logging

from common.adapters.folder import adapter_digest, save_adapter
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.adapters.methods import PeftSpec
from common.adapters.wrapping import wrap
from common.models.codet5p import CodeT5pEmbeddingConfig, CodeT5pEmbeddingModel
from common.models.encoder import load_model
from common.models.loading import Base, EncoderConfig, resolve

POOLING = {
    "bert": "mean",
    "roberta": "cls",
    "xlm-roberta": "mean",
    "modernbert": "cls",
    "nomic_bert": "cls",
    "gte": "cls",
    "qwen2": "last",
    "qwen3": "last",
    "t5": "mean",
    "codet5p_embedding": "cls",
}
ARCHITECTURES = tuple(POOLING)
HIDDEN = 32
CPU = torch.device("cpu")
SPEC = PeftSpec(rank=4, alpha=8)

LINES = (
    "def parse_header(line): return line.split(':', 1)",
    "read a file and give back its lines without the line ends",
    "def copy_tree(source, target): shutil.copytree(source, target)",
    "remove every empty folder below the one that was named",
    "for key, value in sorted(table.items()): print(key, value)",
    "open a socket, wait until somebody connects, answer and close it",
    "class Stack: push and pop, in the order last in, first out",
    "the largest number of a list, or nothing where the list is empty",
    "import json; json.loads(text)",
    "turn a date such as 2024-02-29 into seconds since the epoch",
)
_SIZES = {"hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def build(folder: Path, architecture: str = "bert", *, seed: int = 0) -> Path:
    """A random model of `architecture` with a tokenizer made from `LINES`, in `folder`; returns the folder."""
    logging.disable_progress_bar()
    tokenizer = _TOKENIZERS[architecture]()
    tokenizer.save_pretrained(folder)
    sizes = {**_SIZES, "vocab_size": len(tokenizer)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _BODIES[architecture](sizes, tokenizer.pad_token_id)
        for name, parameter in model.named_parameters():
            # The usual start is so small that all texts get nearly one vector; trained models are not like that
            if parameter.dim() == 2 or "bias" in name:
                torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


def base(folder: Path, **options: object) -> Base:
    """`folder` resolved as a base, with its architecture's usual pooling unless `options` say another."""
    architecture = json.loads((folder / "config.json").read_text("utf-8"))["model_type"]
    return resolve(str(folder), EncoderConfig(**{"pooling": POOLING[architecture], "max_length": 128, **options}))


def adapted(on: Base, spec: PeftSpec | None = None, *, seed: int = 0) -> torch.nn.Module:
    """The base in fp32 with a random adapter, a LoRA unless said: a fresh one, with its zeros, changes nothing."""
    spec = spec or SPEC
    model = wrap(load_model(on, CPU), spec, on.lora_targets, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and (spec.method == "full" or "magnitude" in name):
                parameter.data += 0.1 * torch.randn_like(parameter)
            elif parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def adapter(folder: Path, on: Base, spec: PeftSpec | None = None, *, seed: int = 0, name: str = "search-test") -> Path:
    """A random adapter for the base, saved as PEFT saves it, with our manifest; returns the folder."""
    save_adapter(adapted(on, spec, seed=seed), folder, base_name=on.name, revision=on.revision)
    write_manifest(folder, manifest(folder, on, spec, name=name))
    return folder


def manifest(folder: Path, on: Base, spec: PeftSpec | None = None, *, name: str = "search-test") -> Manifest:
    """What the manifest of the adapter in `folder` must say."""
    return Manifest(
        name=name,
        task="search",
        language="python",
        base=BaseReference(id=on.name, revision=on.revision, digest=on.digest),
        peft=(spec or SPEC).describe(on.lora_targets, on.architecture),
        prompts={"query": on.query_prompt, "document": on.document_prompt},
        pooling=on.pooling,
        max_length=on.max_length,
        data={"source": "test", "pairs": 2, "fingerprint": "f"},
        scores={},
        digest=adapter_digest(folder),
    )


def document_pooling(folder: Path, modes: Sequence[str], prompts: dict[str, str], max_length: int) -> None:
    """Add the files in which sentence-transformers up to 5 writes down pooling, prompts and length."""
    (folder / "1_Pooling").mkdir()
    known = ("pooling_mode_cls_token", "pooling_mode_mean_tokens", "pooling_mode_max_tokens", "pooling_mode_lasttoken")
    pooling = {"word_embedding_dimension": HIDDEN, **{name: name in modes for name in known}}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_length}))


def files_without_special_tokens(
    folder: Path, *, added: dict[str, int], drop: Sequence[str], of: str = "roberta", kind: str = "RobertaTokenizer"
) -> None:
    """Replace the tokenizer in `folder` by vocab.json and merges.txt, as old checkpoints have them: byte-level BPE
    with the words `added` to the vocabulary and those of `drop` left out, none of either among the special tokens."""
    model = json.loads(_TOKENIZERS[of]().backend_tokenizer.to_str())["model"]
    words = [word for word in model["vocab"] if word not in drop]
    vocabulary = {word: number for number, word in enumerate(words)} | added
    for file in folder.glob("tokenizer*"):
        file.unlink()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    merges = (merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"])
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    end = {"unk_token": "a", "bos_token": "a", "eos_token": "a"} if kind == "GPT2Tokenizer" else {}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind, **end}))


def _wordpiece() -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    text = " ".join(LINES).lower()  # the trainer of WordPiece numbers its words in another order in each process
    letters = sorted(set(text) - {" "})
    words = sorted({word for word in text.split() if word.isalpha() and len(word) > 1})
    pieces = [*special, *letters, *("##" + letter for letter in letters), *words]
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def byte_level(special: list[str], template: str, **names: str) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    used = [(name, tokenizer.token_to_id(name)) for name in special if name in template.split()]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=used)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def _roberta_tokenizer() -> PreTrainedTokenizerFast:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    return byte_level(
        special, "<s> $A </s>", bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
    )  # fmt: skip


def _qwen_tokenizer() -> PreTrainedTokenizerFast:
    end = "<|endoftext|>"  # closes each text, as in Qwen3-Embedding, and pads as well
    return byte_level([end], f"$A {end}", eos_token=end, pad_token=end)


_TOKENIZERS = {
    **dict.fromkeys(("bert", "modernbert", "nomic_bert", "gte"), _wordpiece),
    **dict.fromkeys(("roberta", "xlm-roberta", "t5", "codet5p_embedding"), _roberta_tokenizer),
    **dict.fromkeys(("qwen2", "qwen3"), _qwen_tokenizer),
}


def _bert(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return BertModel(BertConfig(**sizes, max_position_embeddings=128, pad_token_id=pad))


def _roberta(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return RobertaModel(RobertaConfig(**sizes, max_position_embeddings=130, type_vocab_size=1, pad_token_id=pad))


def _xlm_roberta(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return XLMRobertaModel(XLMRobertaConfig(**sizes, max_position_embeddings=130, type_vocab_size=1, pad_token_id=pad))


def _modernbert(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    window = {"local_attention": 16, "layer_types": ["full_attention", "sliding_attention"]}
    special = {"bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": pad}
    return ModernBertModel(ModernBertConfig(**sizes, **window, **special, max_position_embeddings=128))


def _nomic_bert(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return NomicBertModel(NomicBertConfig(**sizes, max_position_embeddings=128, pad_token_id=pad))


def _gte(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return GteModel(GteConfig(**sizes, max_position_embeddings=128, pad_token_id=pad))


def _qwen2(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return Qwen2Model(Qwen2Config(**sizes, num_key_value_heads=2, max_position_embeddings=128, pad_token_id=pad))


def _qwen3(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    heads = {"num_key_value_heads": 2, "head_dim": HIDDEN // sizes["num_attention_heads"]}
    return Qwen3Model(Qwen3Config(**sizes, **heads, max_position_embeddings=128, pad_token_id=pad))


def _t5(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return T5EncoderModel(T5Config(**_t5_sizes(sizes), pad_token_id=pad))


def _codet5p(sizes: dict[str, int], pad: int) -> torch.nn.Module:
    return CodeT5pEmbeddingModel(CodeT5pEmbeddingConfig(**_t5_sizes(sizes), embed_dim=HIDDEN // 2, pad_token_id=pad))


def _t5_sizes(sizes: dict[str, int]) -> dict[str, int]:
    heads = sizes["num_attention_heads"]
    width = {"d_model": HIDDEN, "d_kv": HIDDEN // heads, "d_ff": sizes["intermediate_size"]}
    return {**width, "num_layers": 2, "num_heads": heads, "vocab_size": sizes["vocab_size"]}


_BODIES = {
    "bert": _bert,
    "roberta": _roberta,
    "xlm-roberta": _xlm_roberta,
    "modernbert": _modernbert,
    "nomic_bert": _nomic_bert,
    "gte": _gte,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "t5": _t5,
    "codet5p_embedding": _codet5p,
}
