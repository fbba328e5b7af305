"""Step 3: choose the setting that was best on the validation years, and test it once on later years.

Reads dataset.npz and every result-*.json of the working directory, writes chosen.json. The last line of the output is
one JSON object. Only results of this very dataset count, and only those of HAINA_FAMILY where that is set: a working
directory that is used twice must not let an old result win.
"""

import glob
import json
import os
import time

started = time.perf_counter()

# First, because it limits the threads before NumPy is loaded.
from exercise import better, errors_of_baselines, load_dataset, refuse, rmse, write_json
from train import build, settings_of

import numpy as np


def read_results(family: str | None, digest: str) -> list[dict]:
    results = []
    for path in glob.glob("result-*.json"):
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        if result["dataset_digest"] == digest and family in (None, result["array_family"]):
            results.append(result)
    if not results:
        refuse(f"no result-*.json of this dataset in {os.getcwd()}; run train.py there first")
    arrays = {result["array_family"] for result in results}
    if len(arrays) > 1:
        refuse(f"results of several arrays are mixed here ({', '.join(sorted(arrays))}); set HAINA_FAMILY to one")
    # Equal scores go to the lower index, so that the choice does not depend on which element finished first.
    return sorted(results, key=lambda result: (result["validation_rmse"], result["index"]))


def main() -> None:
    data, digest = load_dataset()
    results = read_results(os.environ.get("HAINA_FAMILY") or None, digest)
    best, expected = results[0], len(settings_of(results[0]["array_family"]))

    known_x = np.concatenate([data["train_x"], data["validation_x"]])
    known_y = np.concatenate([data["train_y"], data["validation_y"]])
    test_x, test_y, test_months = data["test_x"], data["test_y"], data["test_months"]
    model = build(best["setting"]).fit(known_x, known_y)

    error = rmse(model.predict(test_x), test_y)
    error_persistence, error_climatology = errors_of_baselines(data)

    chosen = {
        "best": {key: best[key] for key in ("index", "name", "setting", "validation_rmse", "train_seconds")},
        "candidates": len(results),
        "rmse": round(error, 4),
        "rmse_persistence": round(error_persistence, 4),
        "rmse_climatology": round(error_climatology, 4),
        "skill_vs_persistence": round(1 - error / error_persistence, 4),
        "skill_vs_climatology": round(1 - error / error_climatology, 4),
        "test_from": str(test_months[0]),
        "test_to": str(test_months[-1]),
    }
    write_json("chosen.json", chosen)

    print(f"{len(results)} of {expected} settings have a result. Best on the validation years:")
    for result in results[:3]:
        print(f"  {result['validation_rmse']:.3f} °C  {result['name']}")
    years = f"{chosen['test_from']} to {chosen['test_to']}, which nothing was fitted to or chosen by"
    print(f"\nForecasts {data['lead_months']} months ahead, {years}:")
    print(f"  {error:.2f} °C  {best['name']}, trained again on all the years before")
    for name, meaning in (("persistence", "it stays as it is"), ("climatology", "the usual of the month")):
        comparison = better(chosen[f"skill_vs_{name}"])
        print(f"  {chosen[f'rmse_{name}']:.2f} °C  {name}: {meaning} (the chosen model is {comparison})")
    print(f"Took {time.perf_counter() - started:.1f} s.\n")
    print(json.dumps(chosen))


if __name__ == "__main__":
    main()
