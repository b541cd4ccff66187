"""The server does what OpenAI's client and the lm-eval harness expect, with the scores of castle evaluate."""

import contextlib
import io
import json
import os
import re
import subprocess
import threading
import urllib.request

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OPENAI_API_KEY="right-key")

from check_lm_eval import START, compare, harness_task, make_sets, scores, train  # noqa: E402
from support import CASTLE, require, temporary_folder  # noqa: E402


@contextlib.contextmanager
def serve(*arguments):
    """Runs castle serve at a free port; its address."""
    process = subprocess.Popen(
        [CASTLE, "serve", "--port", "0", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if match := re.match(r"listening on (\S+)", line):
            break
    else:
        raise SystemExit(f"castle serve ended: {''.join(lines)}")
    threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True).start()
    try:
        yield match[1]
    finally:
        process.terminate()
        code = process.wait(timeout=60)
        require(code == 0, f"castle serve ended with {code}: {''.join(lines)}")


def check_openai(address, name):
    import openai

    client = openai.OpenAI(base_url=address + "/v1", max_retries=0)
    require([model.id for model in client.models.list()] == [name], "the list of models")
    require(client.models.retrieve(name).id == name, "one model")

    whole = client.completions.create(
        model=name, prompt=["The cat", "A dog"], max_tokens=12, n=2, seed=3, logprobs=2, temperature=0.7)
    require([choice.index for choice in whole.choices] == [0, 1, 2, 3], "the indices of choices")
    require(whole.usage.completion_tokens <= 48 and whole.usage.prompt_tokens > 0, "the usage")
    for choice in whole.choices:
        require(len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs), "the log-probabilities")
        require(choice.finish_reason in ("stop", "length"), "the reason for the end")
    again = client.completions.create(
        model=name, prompt=["The cat", "A dog"], max_tokens=12, n=2, seed=3, logprobs=2, temperature=0.7)
    require([c.text for c in whole.choices] == [c.text for c in again.choices], "the same seed, the same text")

    texts = [""] * 4
    usage = None
    for chunk in client.completions.create(
            model=name, prompt=["The cat", "A dog"], max_tokens=12, n=2, seed=3, temperature=0.7, stream=True,
            stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    require(texts == [choice.text for choice in whole.choices], f"the stream: {texts}")
    require(usage.completion_tokens == whole.usage.completion_tokens, "the usage of the stream")
    print("openai: completions, whole and streamed, are the same")

    messages = [{"role": "user", "content": "The cat"}]
    chat = client.chat.completions.create(
        model=name, messages=messages, max_tokens=8, seed=1, logprobs=True, top_logprobs=3)
    require(chat.choices[0].message.role == "assistant", "the role")
    require(len(chat.choices[0].logprobs.content[0].top_logprobs) == 3, "the chat's log-probabilities")
    stream = client.chat.completions.create(model=name, messages=messages, max_tokens=8, seed=1, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    require(text == chat.choices[0].message.content, "the chat's stream")
    print("openai: chat completions, whole and streamed, are the same")

    def error(kind, status, **arguments):
        try:
            client.completions.create(**{"model": name, "prompt": "a", "max_tokens": 1} | arguments)
        except kind as failure:
            require(failure.status_code == status and failure.body["message"], f"{arguments}: {failure}")
            return failure
        raise SystemExit(f"FAILED: {arguments} were accepted")

    require(error(openai.BadRequestError, 400, temperature=9).body["param"] == "temperature", "the parameter")
    error(openai.BadRequestError, 400, best_of=3)
    error(openai.NotFoundError, 404, model="another")
    try:
        openai.OpenAI(base_url=address + "/v1", api_key="wrong", max_retries=0).models.list()
        raise SystemExit("FAILED: a wrong key was accepted")
    except openai.AuthenticationError as failure:
        require(failure.status_code == 401, "the status of a wrong key")
    print("openai: errors have their classes")


def check_retries(model, name):
    """A client that is told to come back later comes back."""
    import openai

    with serve("--model", f"{name}={model}", "--sequences", 1, "--queue", 1) as address:
        client = openai.OpenAI(base_url=address + "/v1", max_retries=40)
        failures = []

        def ask(number):
            try:
                client.completions.create(
                    model=name, prompt=f"The cat {number}", max_tokens=30, extra_body={"ignore_eos": True})
            except openai.APIError as failure:
                failures.append(failure)

        threads = [threading.Thread(target=ask, args=[number]) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        require(not failures, f"{failures}")
    print("openai: clients retry until there is room")


def check_harness(model, address, name, tasks, sets):
    """The scores of lm-eval through the server are those of castle evaluate and of transformers."""
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.models.openai_completions import LocalCompletionsAPI
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    length = json.loads((model / "config.json").read_text())["max_position_embeddings"]
    served = LocalCompletionsAPI(
        base_url=address + "/v1/completions", model=name, tokenizer_backend="remote", num_concurrent=8, batch_size=1,
        max_length=length + 1, auth_token="right-key", max_retries=1)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(model / "tokenizer.json"), bos_token=START, eos_token=START)
    direct = HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(model), tokenizer=tokenizer, batch_size=8, device="cpu")

    def evaluate(harness, names):
        chosen = [harness_task(task, tasks / f"{task}.jsonl", sets[task]) for task in names]
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            return lm_eval.simple_evaluate(model=harness, tasks=chosen, bootstrap_iters=2)["results"]

    # The harness's remote tokenizer puts no special token before a context; the folder's does, as transformers has it.
    with_start = LocalCompletionsAPI(
        base_url=address + "/v1/completions", model=name, tokenizer_backend="huggingface", tokenizer=str(model),
        add_bos_token=True, num_concurrent=8, batch_size=1, max_length=length + 1, auth_token="right-key",
        max_retries=1)
    for harness, names in [
            (served, ["pairs_1", "pairs_2"]), (with_start, ["pairs_1", "choices", "contexts", "cloze"])]:
        ours = scores(model, [tasks / f"{task}.jsonl" for task in names])
        through, theirs = evaluate(harness, names), evaluate(direct, names)
        for task in names:
            compare(f"{task} through the server", ours[task], through[task])
            compare(f"{task} with transformers", ours[task], theirs[task])


def main():
    with temporary_folder() as folder:
        os.environ["HF_HOME"] = str(folder / "cache")
        import logging

        logging.disable(logging.WARNING)
        model = train(folder)
        (folder / "keys").write_text("right-key\n")
        tasks = folder / "tasks"
        (tasks / "shots").mkdir(parents=True)
        sets = make_sets(tasks)
        name = "small"
        with serve(
                "--model", f"{name}={model}", "--api-key-file", folder / "keys", "--chat-template", "plain") as address:
            with urllib.request.urlopen(address + "/health") as reply:
                require(json.load(reply)["status"] == "ok", "the health")
            check_openai(address, name)
            check_harness(model, address, name, tasks, sets)
        check_retries(model, name)


if __name__ == "__main__":
    main()
