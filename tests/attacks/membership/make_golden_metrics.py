#!/usr/bin/env python3
"""Writes golden_metrics.json beside this file: curves and metrics of random scores with ties, by scikit-learn.

    python3 make_golden_metrics.py      # Debian: python3-sklearn; written with 1.2.1
"""
import json
import pathlib

import numpy as np
from sklearn import metrics

random = np.random.default_rng(2024)
cases = []
for samples, levels, share, shift in [
    (2, 1, 0.5, 0), (5, 2, 0.4, 1), (12, 3, 0.5, 1), (30, 4, 0.2, 2), (30, 1000, 0.5, 1), (60, 6, 0.9, -1),
    (80, 25, 0.5, 0), (150, 40, 0.5, 3), (150, 10**6, 0.1, 1), (300, 8, 0.5, 1), (300, 100, 0.03, 2), (400, 60, 0.5, 1),
]:
    member = np.zeros(samples, int)
    member[: max(1, min(samples - 1, round(share * samples)))] = 1
    random.shuffle(member)
    raw = random.normal(size=samples) + shift * member
    edges = np.linspace(-4, 6, levels + 1)
    score = edges[np.digitize(raw, edges).clip(1, levels) - 1] / 3
    threshold = float(np.quantile(score, 0.6))
    called = score >= threshold
    fpr, tpr, thresholds = metrics.roc_curve(member, score, drop_intermediate=False)
    cases.append({
        "score": score.tolist(), "member": member.tolist(), "threshold": threshold,
        "fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": thresholds[1:].tolist(),
        "metrics": {
            "auc": metrics.roc_auc_score(member, score),
            "tpr_at_fpr_0.01": tpr[fpr <= 0.01].max(), "tpr_at_fpr_0.001": tpr[fpr <= 0.001].max(),
            "tpr_at_fpr_0": tpr[fpr <= 0].max(),
            "oracle_balanced_accuracy": max(metrics.balanced_accuracy_score(member, score >= t) for t in thresholds),
            "oracle_advantage": (tpr - fpr).max(),
            "accuracy": metrics.accuracy_score(member, called),
            "balanced_accuracy": metrics.balanced_accuracy_score(member, called),
            "advantage": metrics.balanced_accuracy_score(member, called, adjusted=True),
            "f1": metrics.f1_score(member, called), "precision": metrics.precision_score(member, called),
            "recall": metrics.recall_score(member, called), "fpr": called[member == 0].mean(),
        },
    })
text = ",\n".join(json.dumps(case) for case in cases)
pathlib.Path(__file__).with_name("golden_metrics.json").write_text(f"[\n{text}\n]\n")
