#!/usr/bin/env python3
"""Fits the weights of `src/ask/score.rs` to the golden questions that may be looked at.

    ASK_EXPLAINED=/tmp/explained.json cargo test -p docs explain -- --ignored
    python3 fit.py /tmp/explained.json            # needs numpy and scipy

Ranking: a softmax over a question's candidates, in which those that make a right answer should have the most. Confidence: a
logistic regression that tells questions to answer from questions to refuse. Both are held near what they are now, as there are
few questions. "tuning" and every second question of "practice" are fitted, "check" only checks.
"""

import json
import sys

import numpy as np
from scipy.optimize import minimize

PARTS = (
    "coverage own headed titled subject side_by_side strict_form told_form form told lacking asks_alike ballast density named is_code missing "
    "opens around indexed is_asked towards"
).split()
# What few questions speak of is not fitted.
FIXED = ["is_asked", "towards"]
NOW = [0.67, -0.01, 0.32, 0.15, 0.07, 0.25, 0.35, 0.49, 0.18, 0.23, 0.03, -0.07, -0.08, 0.08, 0.09, -0.15, 0.08, 0.18, 0.19, 0.2, 0.2, 0.08]
SURE = {"coverage": 4.0, "own": 1.66, "headed": 0.92, "side_by_side": 1.35, "any_form": 1.0, "missing": -1.8, "lacking": -1.28,
        "around": 0.73, "known": 4.13}
SCALE = 12
HELD, HELD_SURE = 0.03, 0.01


def read(path):
    questions = []
    for line in open(path):
        line = json.loads(line)
        question = line["explained"] | {"file": line["file"]}
        question["x"] = np.array([candidate["fit"] for candidate in question["candidates"]])
        question["y"] = np.array([candidate["fine"] for candidate in question["candidates"]], dtype=bool)
        questions.append(question)
    return questions


def fit_ranking(questions):
    start = np.array(NOW) * SCALE
    free = np.array([part not in FIXED for part in PARTS], dtype=float)
    usable = [q for q in questions if q["file"] != "check" and not q["refuse"] and q["y"].any()]

    def loss(step):
        weights, total, slope = start + step * free, 0.0, np.zeros(len(PARTS))
        for q in usable:
            score = q["x"] @ weights
            score = np.exp(score - score.max())
            right = score * q["y"]
            total -= np.log(right.sum() / score.sum() + 1e-12)
            slope -= (right / (right.sum() + 1e-12) - score / score.sum()) @ q["x"]
        held = HELD * step @ step / len(PARTS)
        return total / len(usable) + held, (slope / len(usable) + 2 * HELD * step / len(PARTS)) * free

    return (start + minimize(loss, np.zeros(len(PARTS)), jac=True, method="L-BFGS-B").x * free) / SCALE


def sure_parts(question, weights):
    best = question["x"][np.argmax(question["x"] @ weights)] if len(question["x"]) else np.zeros(len(PARTS))
    part = dict(zip(PARTS, best)) | {"known": question["known"]}
    part["any_form"] = part["strict_form"] + part["told_form"] + part["form"]
    return [part[name] for name in SURE] + [1.0]


def fit_confidence(questions, weights):
    usable = [q for q in questions if q["file"] != "check"]
    x = np.array([sure_parts(q, weights) for q in usable])
    y = np.array([not q["refuse"] for q in usable])
    each = np.where(y, 1 / y.sum(), 1 / (~y).sum())
    start = np.array([*SURE.values(), -7.3])

    def loss(w):
        z, step = x @ w, (w - start)[:-1]
        return (each * np.logaddexp(0, np.where(y, -z, z))).sum() + HELD_SURE * step @ step

    return minimize(loss, start, method="L-BFGS-B").x


def main():
    questions = read(sys.argv[1])
    weights = fit_ranking(questions)
    print("ranking", [round(float(weight), 2) for weight in weights])
    sure = fit_confidence(questions, weights)
    print("confidence", {name: round(float(w), 2) for name, w in zip([*SURE, "bias"], sure)})
    for file in ("tuning", "practice", "check"):
        of = [q for q in questions if q["file"] == file]
        answers, refusals = [q for q in of if not q["refuse"]], [q for q in of if q["refuse"]]
        right = lambda q, w: bool(q["y"][np.argmax(q["x"] @ w)]) if len(q["x"]) else False
        print(file, "ranked right now", sum(right(q, np.array(NOW)) for q in answers), "fitted",
              sum(right(q, weights) for q in answers), "of", len(answers))
        for doubt in (-0.6, -0.3, 0.0, 0.3):
            passes = lambda q: np.dot(sure_parts(q, weights), sure) > doubt
            print("   at", doubt, sum(right(q, weights) and passes(q) for q in answers), "answered well,",
                  sum(not passes(q) for q in refusals), "of", len(refusals), "refused")


if __name__ == "__main__":
    main()
