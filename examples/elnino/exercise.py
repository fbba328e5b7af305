"""What the steps share: the dataset, the yardsticks, and how results are written and programs refuse."""

import os

# One task is one process on one core: many of them share a machine, and numerical libraries would each start a
# thread for every core they see. Has to be said before NumPy is loaded.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import hashlib
import json
import sys

import numpy as np


def rmse(forecast: np.ndarray, observed: np.ndarray) -> float:
    """Root mean square error in °C: forecast and observation are departures from the same climatology."""
    return float(np.sqrt(np.mean((forecast - observed) ** 2)))


def load_dataset() -> tuple[dict, str]:
    """The arrays of dataset.npz, and a digest that tells results of this dataset from older ones."""
    try:
        with open("dataset.npz", "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        with np.load("dataset.npz") as arrays:
            return dict(arrays), digest
    except FileNotFoundError:
        refuse(f"there is no dataset.npz in {os.getcwd()}; run prepare.py there first")


def write_json(path: str, value: dict) -> None:
    """Written beside and then renamed, so that a reader never meets half a file and a retried element replaces it."""
    partial = f".{path}.{os.getpid()}.tmp"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
    os.replace(partial, path)


def refuse(message: str):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def climatology_error(known_y, known_months, test_y, test_months) -> float:
    """RMSE of always forecasting the usual value of the calendar month, by the same months that the model was trained on.
    The sea was warmer after 1985 than before: with the training years alone this yardstick would be easier to beat."""
    month = lambda dates: np.array([int(date[-2:]) for date in dates])
    usual = np.array([known_y[month(known_months) == number].mean() for number in range(1, 13)])
    return rmse(usual[month(test_months) - 1], test_y)


def errors_of_baselines(data: dict) -> tuple[float, float]:
    """RMSE on the test years of the two forecasts that need no training: persistence and climatology."""
    known_y = np.concatenate([data["train_y"], data["validation_y"]])
    known_months = np.concatenate([data["train_months"], data["validation_months"]])
    # Persistence: it stays as it is. The first feature is the anomaly of the month in which the forecast is issued.
    persistence = rmse(data["test_x"][:, 0], data["test_y"])
    return persistence, climatology_error(known_y, known_months, data["test_y"], data["test_months"])


def better(skill: float) -> str:
    return f"{abs(skill):.0%} {'better' if skill >= 0 else 'worse'}"
