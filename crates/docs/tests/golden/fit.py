#!/usr/bin/env python3
"""Fits the weights of `src/ask/fit.rs` to the golden questions that may be looked at.

    ASK_EXPLAINED=/tmp/explained.json cargo test -p docs explain -- --ignored
    python3 fit.py /tmp/explained.json            # needs numpy and scipy

Ranking: a softmax over a question's candidates, in which those that make a right answer should have the most. Confidence: a
logistic regression that tells questions to answer from questions to refuse. Both are held near where they begin, as there are few
questions. Everything is fitted; what that is worth for other questions is told by fitting it to nine tenths and trying the
last, ten times. The questions that are kept aside are not among them.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

SCORE = (Path(__file__).parent / "../../src/ask/fit.rs").read_text()
PARTS = re.findall(r"self\.(\w+),", SCORE.split("const fn parts")[1].split("]\n")[0])
NOW = np.array([float(w) for w in re.findall(r"-?[\d.]+", SCORE.split("const WEIGHTS: [f64; FEATURES] = [")[1].split("]")[0])])
SURE_NOW = [
    (re.findall(r"self\.(\w+)", what) or [what], float(weight))
    for weight, what in re.findall(r"\((-?[\d.]+), ([\w. +]+)\),", SCORE.split("fn confidence")[1].split("];")[0])
]
DOUBT_NOW = float(re.search(r"const DOUBT: f64 = ([\d.]+);", SCORE)[1])
# Where fitting begins and near which it stays; never what it found last, or it would creep away.
START = {
    "coverage": 0.67, "own": -0.01, "headed": 0.32, "titled": 0.15, "subject": 0.07, "side_by_side": 0.25, "strict_form": 0.35,
    "told_form": 0.49, "form": 0.18, "told": 0.23, "lacking": 0.03, "asks_alike": -0.07, "ballast": -0.08, "density": 0.08,
    "named": 0.09, "is_code": -0.15, "missing": 0.08, "opens": 0.18, "around": 0.19, "indexed": 0.2, "is_asked": 0.2,
    "towards": 0.08, "listed": 1.5, "listed_around": 0.3,
}
SURE_START = [
    (["coverage"], 4.0), (["own"], 1.66), (["headed"], 0.92), (["side_by_side"], 1.35), (["strict_form", "told_form", "form"], 1.0),
    (["missing"], -1.8), (["lacking"], -1.28), (["around"], 0.73), (["listed"], 1.2), (["listed_around"], 0.3), (["known"], 4.13),
    (["tells"], 0.5),
]
DOUBT_START = 9.2
# What few questions speak of is not fitted.
FREE = np.array([part not in ("is_asked", "towards") for part in PARTS], dtype=float)
SCALE = 12
HELD, HELD_SURE = 0.03, 0.01


def read(path):
    questions = []
    for line in open(path):
        line = json.loads(line)
        question = line["explained"] | {"file": line["file"]}
        question["x"] = np.array([candidate["fit"] for candidate in question["candidates"]])
        question["y"] = np.array([candidate["fine"] for candidate in question["candidates"]], dtype=bool)
        if len(question["x"]):
            questions.append(question)
    return questions


def best(question, weights):
    return int(np.argmax(question["x"] @ weights))


def fit_ranking(questions):
    start = np.array([START[part] for part in PARTS]) * SCALE
    usable = [q for q in questions if not q["refuse"] and q["y"].any()]

    def loss(step):
        weights, total, slope = start + step * FREE, 0.0, np.zeros(len(PARTS))
        for q in usable:
            score = q["x"] @ weights
            score = np.exp(score - score.max())
            right = score * q["y"]
            total -= np.log(right.sum() / score.sum() + 1e-12)
            slope -= (right / (right.sum() + 1e-12) - score / score.sum()) @ q["x"]
        held = HELD * step @ step / len(PARTS)
        return total / len(usable) + held, (slope / len(usable) + 2 * HELD * step / len(PARTS)) * FREE

    return (start + minimize(loss, np.zeros(len(PARTS)), jac=True, method="L-BFGS-B").x * FREE) / SCALE


def sure_parts(question, weights):
    part = dict(zip(PARTS, question["x"][best(question, weights)])) | {"known": question["known"], "tells": question["tells"]}
    return [sum(part[name] for name in names) for names, _ in SURE_START] + [-1.0]


def fit_confidence(questions, weights):
    x = np.array([sure_parts(q, weights) for q in questions])
    y = np.array([not q["refuse"] for q in questions])
    each = np.where(y, 1 / y.sum(), 1 / (~y).sum())
    start = np.array([*(weight for _, weight in SURE_START), DOUBT_START])

    def loss(w):
        z, step = x @ w, (w - start)[:-1]
        return (each * np.logaddexp(0, np.where(y, -z, z))).sum() + HELD_SURE * step @ step

    return minimize(loss, start, method="L-BFGS-B").x


def judge(questions, weights, sure):
    """Whether each question gets what it should have."""

    def is_well(q):
        passes = np.dot(sure_parts(q, weights), sure) >= 0
        return not passes if q["refuse"] else bool(passes and q["y"][best(q, weights)])

    return [is_well(q) for q in questions]


def tell(name, questions, well):
    for refuse, what in ((False, "answered"), (True, "refused")):
        of = [good for q, good in zip(questions, well) if q["refuse"] == refuse]
        print(f"{name}: {sum(of)} of {len(of)} {what} well, {sum(of) / len(of):.3f}")


def main():
    questions = read(sys.argv[1])
    weights = fit_ranking(questions)
    sure = fit_confidence(questions, weights)
    print("ranking", [round(float(weight), 2) for weight in weights])
    print("confidence", [(round(float(w), 2), " + ".join(names)) for w, (names, _) in zip(sure, SURE_START)], "doubt", round(float(sure[-1]), 2))
    tell("now", questions, judge(questions, NOW, np.array([*(weight for _, weight in SURE_NOW), DOUBT_NOW])))
    tell("fitted", questions, judge(questions, weights, sure))
    part = np.random.default_rng(1).permutation(len(questions)) % 10
    well = [False] * len(questions)
    for number in range(10):
        rest = [q for q, own in zip(questions, part) if own != number]
        weights = fit_ranking(rest)
        sure = fit_confidence(rest, weights)
        own = [at for at, of in enumerate(part) if of == number]
        for at, good in zip(own, judge([questions[at] for at in own], weights, sure)):
            well[at] = good
    tell("others", questions, well)


if __name__ == "__main__":
    main()
