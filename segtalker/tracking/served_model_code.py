"""What MLflow runs to make a logged model again: its code is kept with the model as text, nothing is pickled."""

from mlflow.models import set_model

from segtalker.tracking.served_model import ServedModel

set_model(ServedModel())
