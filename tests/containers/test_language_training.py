"""The program that adapts a language model under SageMaker's contract, on a CPU."""

import json
import signal
from pathlib import Path

import pytest
import torch
from language_job import RECORDS, SPLIT, UNSEEN, Job, read_adapted, read_model, read_tokenizer, share_right
from language_models import as_lines, make_base
from safetensors.numpy import load_file
from training_job import await_line, furthest

TWO = {"PROCESSES_PER_HOST": "2"}
BRIEF = {"epochs": "1", "learning_rate": "0.001"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, str]:
    """A job that ran to its end, and its log."""
    job = Job.make(tmp_path_factory.mktemp("plain"))
    code, log = job.run()
    assert code == 0, log
    return job, log


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job of one epoch in small steps: Adam, which divides a gradient by its usual size, enlarges roundings."""
    job = Job.make(tmp_path_factory.mktemp("brief"))
    assert job.run(**BRIEF)[0] == 0
    return job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job.make(tmp_path)


def test_it_completes_prompts_that_it_has_not_seen_as_the_base_model_does_not(plain: tuple[Job, str]) -> None:
    job, _ = plain

    assert share_right(job.channel("base"), UNSEEN, max_new_tokens=8) == 0
    assert share_right(job.model, UNSEEN) > 0.8
    assert not (job.base / "output" / "failure").exists()


def test_the_model_is_whole_and_can_be_read_by_who_is_not_root(plain: tuple[Job, str]) -> None:
    job, _ = plain
    described = ["config.json", "features.json", "generation_config.json", "manifest.json"]

    assert job.files() == [*described, "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert all(path.stat().st_mode & 0o004 for path in job.model.iterdir())


def test_an_answer_ends_by_the_length_of_the_longest_that_was_learnt(plain: tuple[Job, str]) -> None:
    told = json.loads((plain[0].model / "generation_config.json").read_text())

    assert told["max_new_tokens"] == len("animal") + 1  # the model's tokens are bytes; one more ends the text
    assert told["do_sample"] is False


def test_the_adapters_on_the_base_model_score_as_the_model_does(plain: tuple[Job, str]) -> None:
    job, _ = plain
    given = read_tokenizer(job.model)(UNSEEN[0]["prompt"], return_tensors="pt")
    with torch.no_grad():
        merged, adapted = (model(**given).logits for model in (read_model(job.model), read_adapted(job)))

    assert sorted(path.name for path in job.adapter.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert (merged - adapted).abs().max() < 1e-3


def test_the_log_names_what_learns_and_the_metrics(plain: tuple[Job, str]) -> None:
    _, log = plain

    assert "Training on cpu, 1 process in float32: 6656 of 35616 parameters learn" in log
    assert " validation:accuracy=0." in log
    assert "tokens_per_second=" in log


def test_the_loss_is_that_of_the_completions_alone(plain: tuple[Job, str]) -> None:
    job, log = plain
    model, tokenizer = read_model(job.model), read_tokenizer(job.model)
    losses = []
    for record in SPLIT["validation"]:
        prompt, text = (tokenizer(text)["input_ids"] for text in (record["prompt"], record["completion"]))
        labels = torch.tensor([*text, tokenizer.eos_token_id])
        with torch.no_grad():
            scores = model(input_ids=torch.tensor([[*prompt, *labels]])).logits[0, len(prompt) - 1 : -1]
        losses.append(torch.nn.functional.cross_entropy(scores, labels, reduction="none"))
    best = min(float(line.split("validation:loss=")[1].split()[0]) for line in log.splitlines() if "n:loss=" in line)

    assert float(torch.cat(losses).mean()) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize(
    "given", [{}, {"accumulate": "3"}, {"shard": "true"}], ids=["two processes", "parts as well", "sharded"]
)
def test_two_processes_learn_what_one_learns(given: dict[str, str], brief: Job, job: Job) -> None:
    code, log = job.run(variables=TWO, **BRIEF, **given)

    assert code == 0, log
    assert "2 processes" in log
    assert furthest(brief.weights(), job.weights()) < 1e-5
    assert furthest(brief.weights(), load_file(job.channel("base") / "model.safetensors")) > 1e-3


def interrupted(job: Job, variables: dict[str, str] | None = None, **given: str) -> None:
    """Run a job that is told to end after an epoch, and again."""
    program = job.start(variables=variables, **given)
    await_line(program, "[epoch 1")
    program.send_signal(signal.SIGTERM)
    log, _ = program.communicate(timeout=600)
    assert program.returncode == 0, log
    (kept,) = job.checkpoints()
    assert all("lora_" in name for name in load_file(kept)), "what is frozen is the base model's"
    code, log = job.run(variables=variables, **given)
    assert code == 0, log
    assert "Goes on after step" in log


def test_a_job_that_was_told_to_end_goes_on_as_if_it_had_not_been(plain: tuple[Job, str], job: Job) -> None:
    interrupted(job)

    assert furthest(plain[0].weights(), job.weights()) == 0


def test_a_sharded_job_that_was_told_to_end_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    through, broken = Job.make(tmp_path / "through"), Job.make(tmp_path / "broken")
    assert through.run(variables=TWO, shard="true", epochs="2")[0] == 0
    interrupted(broken, variables=TWO, shard="true", epochs="2")

    assert furthest(through.weights(), broken.weights()) == 0


def test_a_job_may_go_on_sharded_whose_base_has_the_same_weights_first_and_last(job: Job) -> None:
    make_base(job.channel("base"), tied=True)
    program = job.start(epochs="2")
    await_line(program, "[epoch 1")
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=600)
    (kept,) = job.checkpoints()
    assert all("lora_" in name for name in load_file(kept))

    code, log = job.run(epochs="2", variables=TWO, shard="true")

    assert code == 0, log
    assert "Goes on after step" in log


def test_the_checkpoint_of_another_base_model_is_left_alone(job: Job) -> None:
    program = job.start()
    await_line(program, "[epoch 1")
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=600)
    config = job.channel("base") / "generation_config.json"
    config.write_text(config.read_text() + "\n")

    code, log = job.run()

    assert code == 0, log
    assert "Goes on after step" not in log


def long(count: int) -> str:
    return as_lines([*RECORDS[:3], *({"prompt": "What is it? " * 3, "completion": "long"},) * count])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "Channel 'train' has no record"),
        (as_lines(RECORDS[:1]) + "cat: animal\n", "records.jsonl:2 is no JSON object with the texts"),
        ('["prompt", "completion"]\n', "records.jsonl:1 is no JSON object with the texts"),
        ('{"prompt": "", "completion": "x"}\n', "records.jsonl:1 is no JSON object with the texts"),
        (long(2), "has 2 records of more than max_length 24 tokens, the first records.jsonl:4 with 41"),
        (as_lines(RECORDS[:3]), "Channel train has 3 examples, fewer than batch_size 12"),
    ],
    ids=["none", "not JSON", "no object", "no prompt", "too long", "too few"],
)
def test_records_that_can_not_be_learnt_are_refused(content: str, message: str, job: Job) -> None:
    job.fill("train", content)

    assert job.run()[0] == 1
    assert message in job.failure
    assert job.files() == []


def test_a_model_holds_what_servers_read_and_keeps_the_template_of_chats(job: Job) -> None:
    (job.channel("base") / "chat_template.jinja").write_text("{{ messages }}")
    (job.channel("base") / "merges.txt").write_text("a b\n")
    assert job.run(**BRIEF)[0] == 0

    assert {path.suffix for path in job.model.iterdir()} == {".json", ".safetensors"}
    assert json.loads((job.model / "tokenizer_config.json").read_text())["chat_template"] == "{{ messages }}"


def test_a_missing_base_model_is_named(job: Job) -> None:
    for path in job.channel("base").iterdir():
        path.unlink()

    assert job.run()[0] == 1
    assert "Channel 'base' is empty: no config.json" in job.failure


def test_weights_that_may_run_code_are_refused(job: Job) -> None:
    weights = job.channel("base") / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))

    assert job.run()[0] == 1
    assert "Channel 'base' has no *.safetensors beside config.json, but config.json" in job.failure
    assert "pytorch_model.bin" in job.failure


def test_a_base_model_with_code_of_its_own_is_refused(job: Job) -> None:
    config = job.channel("base") / "config.json"
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}
    config.write_text(json.dumps({**json.loads(config.read_text()), **own}))
    ran = job.base / "ran"
    (config.parent / "own.py").write_text(f"open({str(ran)!r}, 'w')\n")

    assert job.run()[0] == 1
    assert "Channel 'base'" in job.failure
    assert not ran.exists()


def test_more_tokens_than_the_base_model_takes_are_refused(job: Job) -> None:
    assert job.run(max_length="129")[0] == 1
    assert "max_length is 129, but the base model takes 128 tokens" in job.failure
