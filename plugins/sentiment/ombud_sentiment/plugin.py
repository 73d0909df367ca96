"""What the plugin gives core."""

from ombud_plugin_api import Manifest, SentimentScorer, hookimpl
from ombud_sentiment.scoring import score

VERSION = "1"  # of what is scored; raise it when the same words may get another mood


@hookimpl
def provide_sentiment_scorers(manifest: Manifest) -> list[SentimentScorer]:
    return [SentimentScorer("sentiment", "VADER", VERSION, ("en",), score)]
