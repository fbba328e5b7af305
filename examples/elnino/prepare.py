"""Step 1: turn monthly sea-surface temperatures into a forecasting exercise.

Writes dataset.npz to the working directory. One row is one forecast: what was known in the month it was issued (the
last 12 monthly anomalies, and the season), and the anomaly LEAD_MONTHS later. Temperatures are the Niño 1+2 index
1950-2010 that statsmodels carries inside its package, in °C; nothing is downloaded.
"""

import json
import os
import time

started = time.perf_counter()

import numpy as np
import pandas as pd
from statsmodels.datasets import elnino

LEAD_MONTHS = 3
HISTORY_MONTHS = 12
TRAIN_TO = pd.Period("1985-12", "M")
VALIDATION_TO = pd.Period("1995-12", "M")


def monthly_temperatures() -> pd.Series:
    """The year-by-month table as one series in °C; a month without a value is NaN."""
    table = elnino.load_pandas().data.set_index("YEAR")
    months = pd.period_range(f"{int(table.index[0])}-01", periods=table.size, freq="M")
    return pd.Series(table.to_numpy(dtype=float).ravel(), index=months)


def anomalies(temperatures: pd.Series) -> pd.Series:
    """Departures from the mean of the same calendar month. The means are those of the training years alone: with later
    years in them, the features would already know how warm the years to be forecast were."""
    known = temperatures[:TRAIN_TO]
    climatology = known.groupby(known.index.month).mean()
    return temperatures - climatology.loc[temperatures.index.month].to_numpy()


def forecasts(anomaly: pd.Series) -> pd.DataFrame:
    """One row per month that is forecast, indexed by that month. Rows that touch a missing month are left out, and so
    are the first ones, which have no full history."""
    columns = {f"anomaly_{back}_months_before": anomaly.shift(LEAD_MONTHS + back) for back in range(HISTORY_MONTHS)}
    # An anomaly lives longer in some seasons than in others, so the models are told the season, on a circle because
    # December is next to January.
    angle = 2 * np.pi * anomaly.index.month.to_numpy() / 12
    return pd.DataFrame({**columns, "season_sin": np.sin(angle), "season_cos": np.cos(angle), "target": anomaly}).dropna()


def main() -> None:
    rows = forecasts(anomalies(monthly_temperatures()))
    # The month that is forecast decides to which part a row belongs, never the month in which it was issued.
    parts = {
        "train": rows[:TRAIN_TO],
        "validation": rows[TRAIN_TO + 1 : VALIDATION_TO],
        "test": rows[VALIDATION_TO + 1 :],
    }
    arrays = {"lead_months": LEAD_MONTHS, "features": np.array(rows.columns[:-1], dtype=str)}
    for name, part in parts.items():
        arrays[f"{name}_x"] = part.drop(columns="target").to_numpy()
        arrays[f"{name}_y"] = part["target"].to_numpy()
        arrays[f"{name}_months"] = part.index.astype(str).to_numpy(dtype=str)

    # Written beside and then renamed: whoever sees dataset.npz sees all of it.
    partial = f".dataset.{os.getpid()}.tmp"
    with open(partial, "wb") as file:
        np.savez(file, **arrays)
    os.replace(partial, "dataset.npz")

    counts = {name: len(part) for name, part in parts.items()}
    print(
        f"Wrote dataset.npz: {len(rows)} forecasts {LEAD_MONTHS} months ahead, of which {counts['train']} to train, "
        f"{counts['validation']} to choose by, {counts['test']} to test."
    )
    print(json.dumps({
        "dataset": "dataset.npz",
        "lead_months": LEAD_MONTHS,
        **counts,
        "months": {name: [str(part.index[0]), str(part.index[-1])] for name, part in parts.items()},
        "seconds": round(time.perf_counter() - started, 2),
    }))


if __name__ == "__main__":
    main()
