"""Step 2, once for each element of a job array: train one setting and measure it on the validation years.

The element (HAINA_ARRAY_INDEX, or the first argument) says which setting, counted from 0. HAINA_FAMILY=linear, trees
or other narrows the settings to that family, and the count starts at 0 in it; without it all settings are in the array.
Reads dataset.npz, writes result-<index>.json. `python train.py --list` shows the settings. choose.py imports this file.
"""

import json
import os
import sys
import time

started = time.perf_counter()

# First, because it limits the threads before NumPy is loaded.
from exercise import load_dataset, refuse, rmse, write_json

import numpy as np
from sklearn.ensemble import BaggingRegressor, ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import ElasticNet, HuberRegressor, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVR

SEED = 20101231


def settings_of(family: str) -> list[dict]:
    """The settings of a family in a fixed order, or of all families for "all". So an index names the same
    setting on every machine and in every retry."""
    families = {
        "linear": [
            *({"model": "ridge", "alpha": alpha, "members": 400} for alpha in (1, 10, 30, 100)),
            *({"model": "seasonal ridge", "alpha": alpha, "members": 300} for alpha in (10, 100, 1000)),
            *({"model": "elastic net", "alpha": alpha, "members": 300} for alpha in (0.03, 0.1, 0.3)),
            {"model": "seasonal elastic net", "alpha": 0.1, "members": 300},
            {"model": "huber", "alpha": 1, "members": 80},
            *({"model": "linear svr", "C": c, "members": 100} for c in (0.01, 0.1)),
        ],
        "trees": [
            *({"model": "random forest", "min_samples_leaf": leaf, "n_estimators": 600} for leaf in (5, 10, 20, 40)),
            *({"model": "extra trees", "min_samples_leaf": leaf, "n_estimators": 1200} for leaf in (5, 10, 20, 40)),
            *(
                {"model": "gradient boosting", "learning_rate": rate, "max_depth": depth, "n_estimators": 1000}
                for rate in (0.003, 0.01)
                for depth in (1, 2, 3)
            ),
        ],
        "other": [
            *({"model": "rbf svr", "C": c, "members": 100} for c in (0.3, 1)),
            *({"model": "nearest neighbours", "n_neighbors": count, "members": 300} for count in (10, 20)),
            *({"model": "neural network", "alpha": alpha, "members": 5} for alpha in (0.1, 1)),
        ],
    }
    if family != "all" and family not in families:
        refuse(f"HAINA_FAMILY is {family!r}; it can be {', '.join(families)}, or left out for all of them")
    chosen = families if family == "all" else [family]
    return [{"family": name, **setting} for name in chosen for setting in families[name]]


def with_season(x: np.ndarray) -> np.ndarray:
    """Adds each anomaly multiplied by the season, so that a linear model can weigh it by the time of year."""
    history, season_sin, season_cos = x[:, :-2], x[:, -2:-1], x[:, -1:]
    return np.hstack([x, history * season_sin, history * season_cos])


def build(setting: dict):
    """The untrained model of a setting. Deterministic: the same setting and data give the same forecasts."""
    kind = setting["model"]
    parameters = {key: value for key, value in setting.items() if key not in ("family", "model", "members")}
    if kind == "random forest":
        return RandomForestRegressor(max_features=0.4, random_state=SEED, **parameters)
    if kind == "extra trees":
        return ExtraTreesRegressor(max_features=0.6, random_state=SEED, **parameters)
    if kind == "gradient boosting":
        return GradientBoostingRegressor(subsample=0.5, min_samples_leaf=10, random_state=SEED, **parameters)
    one = {
        "ridge": Ridge,
        "elastic net": ElasticNet,
        "huber": lambda **p: HuberRegressor(max_iter=500, **p),
        "linear svr": lambda **p: SVR(kernel="linear", **p),
        "rbf svr": SVR,
        "nearest neighbours": KNeighborsRegressor,
        "neural network": lambda **p: MLPRegressor((16,), early_stopping=True, max_iter=1000, random_state=SEED, **p),
    }[kind.removeprefix("seasonal ")](**parameters)
    steps = [FunctionTransformer(with_season)] if kind.startswith("seasonal ") else []
    # The record has only a handful of strong El Niños. Members that each see a resample of it and are averaged depend
    # less on any one of them; they are also why a setting takes a second, where a single ridge takes a millisecond.
    return BaggingRegressor(
        make_pipeline(*steps, StandardScaler(), one), n_estimators=setting["members"], random_state=SEED
    )


def name_of(setting: dict) -> str:
    parameters = [f"{key}={value}" for key, value in setting.items() if key not in ("family", "model")]
    return f"{setting['model']} ({', '.join(parameters)})"


def main() -> None:
    family = os.environ.get("HAINA_FAMILY") or "all"
    settings = settings_of(family)
    if sys.argv[1:] == ["--list"]:
        for index, setting in enumerate(settings):
            print(f"{index:3}  {setting['family']:7} {name_of(setting)}")
        return

    asked = os.environ.get("HAINA_ARRAY_INDEX") or (sys.argv[1] if len(sys.argv) > 1 else "")
    if not asked:
        refuse("no array element: set HAINA_ARRAY_INDEX, or give the index as the first argument")
    if not (asked.isascii() and asked.isdigit()) or int(asked) >= len(settings):
        refuse(f"array element {asked!r} has no setting: family {family} has {len(settings)}, 0 to {len(settings) - 1}")
    index = int(asked)
    setting = settings[index]
    data, digest = load_dataset()

    before = time.perf_counter()
    model = build(setting).fit(data["train_x"], data["train_y"])
    train_seconds = time.perf_counter() - before
    result = {
        "index": index,
        "name": name_of(setting),
        "setting": setting,
        "array_family": family,
        "dataset_digest": digest,
        "train_seconds": round(train_seconds, 3),
        "validation_rmse": round(rmse(model.predict(data["validation_x"]), data["validation_y"]), 4),
    }
    write_json(f"result-{index}.json", result)
    print(
        f"Setting {index} of {family}, {result['name']}: RMSE {result['validation_rmse']:.3f} °C on the validation "
        f"years, trained in {train_seconds:.1f} s."
    )
    print(json.dumps({**result, "seconds": round(time.perf_counter() - started, 2)}))


if __name__ == "__main__":
    main()
