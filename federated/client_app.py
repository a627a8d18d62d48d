"""The Flower ClientApp that a force's node runs: every message goes to the force's boundary."""

from federated.flower import ClientApp, Context, Message
from federated.node import answer

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """A round of training."""
    return answer(message, context)


@app.train("masked")
def masked(message: Message, context: Context) -> Message:
    """A turn of a secure sum."""
    return answer(message, context)


@app.query("hello")
def hello(message: Message, context: Context) -> Message:
    """Which force this is."""
    return answer(message, context)


@app.query("offer")
def offer(message: Message, context: Context) -> Message:
    """A key for a secure sum."""
    return answer(message, context)


@app.query("accept")
def accept(message: Message, context: Context) -> Message:
    """The roster of a secure sum."""
    return answer(message, context)


@app.query("reveal")
def reveal(message: Message, context: Context) -> Message:
    """The force's own mask of a delivered turn."""
    return answer(message, context)
