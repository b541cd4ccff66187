"""Tasks have the same scores as in the lm-eval harness, and converted data sets the same words."""

import contextlib
import io
import json
import os
import pathlib
import random
import subprocess
import sys

from support import castle, require, temporary_folder

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

TOLERANCE = 1e-3
START = "<|endoftext|>"
ROOT = pathlib.Path(__file__).parents[2]
WORDS = ["the", "cat", "sees", "a", "dog", "dogs", "see", "never", "cats", "in", "houses", "house", "it's", "caf\u00e9"]


def sentence(generator, count):
    return " ".join(generator.choices(WORDS, k=count)).capitalize() + generator.choice(".?!")


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def train(folder):
    """A causal model of a few steps, in a folder that transformers reads too."""
    generator = random.Random(1)
    text = "\n".join(sentence(generator, generator.randrange(3, 12)) for _ in range(8000))
    (folder / "text.txt").write_text(text)
    castle(
        "tokenizer", "train", "--vocab-size", 320, "--output", folder / "tokenizer.json", folder / "text.txt")
    castle("prepare", "--tokenizer", folder / "tokenizer.json", "--output", folder / "data", folder / "text.txt")
    settings = {
        "model.preset": "1m-causal", "data.shards": folder / "data", "output": folder / "run",
        "training.steps": 150, "schedule.warm-up": 5, "training.sequence-length": 128, "training.batch-size": 4,
    }
    castle("train", *(word for key, value in settings.items() for word in ("--set", f"{key}={value}")))
    return folder / "run" / "model"


def make_sets(folder):
    """Task files of every form, each with the harness's description of the same."""
    generator = random.Random(2)

    def text(least=2, most=9):
        return sentence(generator, generator.randrange(least, most))

    def context(index):
        # Some contexts end in white space, some are empty, some are longer than the model reads.
        return ["", text() + "  \n", text(1100, 1300)][index // 30 % 3] if index % 30 == 0 else text(3, 30)

    def choice(index, count):
        return {
            "context": context(index), "choices": [text() for _ in range(count)],
            "answer": generator.randrange(count)}

    def pair(_):
        words = generator.choices(WORDS, k=6)
        # Never the same sentence: lm-eval counts equal probabilities as right, castle as wrong.
        return {"sentence_good": " ".join(words), "sentence_bad": " ".join([*generator.sample(words, k=6), "cats"])}

    accuracy = [{"metric": "acc"}]
    choices = dict(
        output_type="multiple_choice", doc_to_text="{{context}}", doc_to_choice="choices", doc_to_target="answer",
        metric_list=accuracy + [{"metric": "acc_bytes"}])
    pairs = dict(
        output_type="multiple_choice", doc_to_text="", doc_to_target=0, target_delimiter="",
        doc_to_choice="{{[sentence_good, sentence_bad]}}", metric_list=accuracy)
    sets = {
        "pairs_1": ([pair(index) for index in range(100)], pairs),
        "pairs_2": ([pair(index) for index in range(100)], pairs),
        "choices": ([choice(index, 4) for index in range(100)], choices),
        "contexts": (
            [{"contexts": [text(), text()], "continuation": text(), "answer": generator.randrange(2)}
             for _ in range(100)],
            dict(
                output_type="multiple_choice", doc_to_text="answer", doc_to_choice="contexts",
                doc_to_target="continuation", metric_list=accuracy)),
        "cloze": (
            [{"context": text(4, 12).rstrip(".?!"), "continuation": generator.choice(["the", "cat", "dog."])}
             for _ in range(100)],
            dict(
                output_type="loglikelihood", doc_to_text="{{context}}", doc_to_target="{{' ' + continuation}}",
                metric_list=accuracy + [{"metric": "perplexity"}])),
    }
    for name, (rows, _) in sets.items():
        write_lines(folder / f"{name}.jsonl", rows)
        write_lines(folder / "shots" / f"{name}.jsonl", rows[1:4])
    return {name: description for name, (_, description) in sets.items()}


def harness_task(name, path, description, shots=None):
    files = {"test": str(path)} | ({"train": str(shots)} if shots else {})
    task = dict(task=name, dataset_path="json", dataset_kwargs=dict(data_files=files), test_split="test") | description
    if shots:
        # The target of a cloze has its space already.
        delimiter = "" if description["output_type"] == "loglikelihood" else " "
        task |= dict(
            fewshot_split="train", num_fewshot=3, fewshot_config=dict(sampler="first_n", target_delimiter=delimiter))
    return task


def compare(name, ours, theirs):
    names = {
        "acc": "acc,none", "acc_stderr": "acc_stderr,none", "acc_norm": "acc_bytes,none",
        "acc_norm_stderr": "acc_bytes_stderr,none", "perplexity": "perplexity,none"}
    words = []
    for our_name, their_name in names.items():
        if our_name not in ours or their_name not in theirs:
            continue
        our_value, their_value = ours[our_name], theirs[their_name]
        words.append(f"{our_name} {our_value:.6g} and {their_value:.6g}")
        error = abs(our_value - their_value) / max(1, abs(their_value))
        require(error <= TOLERANCE, f"{name}: {words[-1]}")
    require(words, f"{name}: there is nothing to compare")
    print(f"{name}: castle and lm-eval have {', '.join(words)}")


def scores(model, paths, *options):
    output = json.loads(castle("evaluate", "--model", model, "--tasks", ",".join(map(str, paths)), "--json", *options))
    return {task["name"]: task for task in output["tasks"]}


# For each data set: the harness's file, a row in the form of Hugging Face, and the same in that of llm-foundry.
SOURCES = {
    "arc_easy": (
        "arc/arc_easy.yaml",
        {"question": "What is warm?", "choices": {"text": ["Ice", "Fire"], "label": ["A", "B"]}, "answerKey": "B"},
        {"query": "Question: What is warm?", "choices": ["Ice", "Fire"], "gold": 1}),
    "boolq": (
        "super_glue/boolq/default.yaml",
        {"passage": "Cats are animals.", "question": "is a cat an animal", "label": 1},
        {"query": "Passage: Cats are animals.\nQuestion: is a cat an animal?", "choices": ["no", "yes"], "gold": 1}),
    "hellaswag": (
        "hellaswag/hellaswag.yaml",
        {"activity_label": "Cooking", "ctx_a": "[header] A man [title] cuts.", "ctx_b": "he then", "label": "1",
         "endings": ["[substeps] sleeps  well.", "cooks."]},
        None),
    "openbookqa": (
        "openbookqa/openbookqa.yaml",
        {"question_stem": "Predators eat", "choices": {"text": ["lions", "bunnies"], "label": ["A", "B"]},
         "answerKey": "B"},
        {"query": "Predators eat", "choices": ["lions", "bunnies"], "gold": 1}),
    "piqa": (
        "piqa/piqa.yaml",
        {"goal": "Open a door. ", "sol1": "Push it.", "sol2": "Eat it.", "label": 0},
        {"query": "Question: Open a door. \n", "choices": ["Push it.", "Eat it."], "gold": 0}),
    "winogrande": (
        "winogrande/default.yaml",
        {"sentence": "Ann helped Eve because _ was kind.", "option1": "Ann", "option2": "Eve", "answer": "1"},
        {"context_options": ["Ann helped Eve because Ann", "Ann helped Eve because Eve"],
         "continuation": "was kind.", "gold": 0}),
    "copa": (
        "super_glue/copa/default.yaml",
        {"premise": "The man turned on the tap.", "question": "effect", "choice1": "Water came.",
         "choice2": "Milk came.", "label": 0},
        {"query": "The man turned on the tap, therefore", "choices": ["water came.", "milk came."], "gold": 0}),
}


def convert(folder, name, row):
    source = write_lines(folder / "source" / f"{name}.jsonl", [row])
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "convert-tasks", folder / "out", source], check=True,
        stdout=subprocess.DEVNULL)
    return json.loads((folder / "out" / f"{name}.jsonl").read_text())


def requests(row):
    """The pairs of context and continuation that castle scores."""
    delimiter = row.get("delimiter", " ")
    contexts, continuations = row.get("contexts", [row.get("context")]), row.get("choices", [row.get("continuation")])
    return [[context, delimiter + continuation] for context in contexts for continuation in continuations]


def check_conversion(folder, harness_folder, evaluate):
    """The harness's own tasks ask for the same pairs as converted files."""
    (folder / "source").mkdir()
    for name, (description, row, foundry) in SOURCES.items():
        converted = convert(folder, name, row)
        require(foundry is None or convert(folder, name, foundry) == converted, f"{name}: the two forms differ")
        # Two rows, because the harness looks at the first to learn what the task is like.
        data = str(write_lines(folder / f"{name}.jsonl", [row, row]))
        task = dict(
            include=str(harness_folder / description), task=f"local_{name}", dataset_path="json", dataset_name=None,
            dataset_kwargs=dict(data_files={"test": data}), test_split="test", training_split=None,
            validation_split=None)
        (folder / f"{name}.yaml").write_text(json.dumps(task))
        sample = evaluate([str(folder / f"{name}.yaml")])["samples"][f"local_{name}"][0]
        theirs = [list(argument) for argument in sample["arguments"]]
        require(requests(converted) == theirs, f"{name}: {requests(converted)} instead of {theirs}")
        print(f"convert-tasks, {name}: the pairs of lm-eval")


def main():
    with temporary_folder() as folder:
        os.environ["HF_HOME"] = str(folder / "cache")
        import logging

        import lm_eval
        from lm_eval.models.huggingface import HFLM
        from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
        from transformers.utils import logging as their_logging

        their_logging.disable_progress_bar()
        logging.disable(logging.WARNING)
        model = train(folder)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(model / "tokenizer.json"), bos_token=START, eos_token=START)
        harness = HFLM(
            pretrained=AutoModelForCausalLM.from_pretrained(model), tokenizer=tokenizer, batch_size=8, device="cpu")

        def evaluate(tasks):
            # Its progress is many screens long. Standard errors of means are not bootstrapped.
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                return lm_eval.simple_evaluate(model=harness, tasks=tasks, bootstrap_iters=2)

        tasks = folder / "tasks"
        (tasks / "shots").mkdir(parents=True)
        sets = make_sets(tasks)
        ours = scores(model, [tasks / f"{name}.jsonl" for name in sets])
        theirs = evaluate([harness_task(name, tasks / f"{name}.jsonl", sets[name]) for name in sets])["results"]
        for name in sets:
            compare(name, ours[name], theirs[name])
        require(ours["choices"]["cut_items"] > 0, "no context was too long")

        for name in ["choices", "contexts", "cloze"]:
            path, source = tasks / f"{name}.jsonl", tasks / "shots" / f"{name}.jsonl"
            ours = scores(model, [path], "--shots", 3, "--shots-from", source)
            theirs = evaluate([harness_task("with_shots", path, sets[name], source)])["results"]
            compare(f"{name} after three examples", ours[name], theirs["with_shots"])

        check_conversion(folder, pathlib.Path(lm_eval.__file__).parent / "tasks", evaluate)


if __name__ == "__main__":
    main()
