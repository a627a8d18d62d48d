"""The Flower ClientApp that a force's node runs: every message goes to the force's boundary."""

from federated.flower import ClientApp
from federated.node import answer

app = ClientApp()

for register in (
    app.train(),  # a round of training
    app.train("masked"),  # a turn of a secure sum
    app.query("hello"),  # which force this is
    app.query("offer"),  # a key for a secure sum
    app.query("accept"),  # the roster of a secure sum
    app.query("reveal"),  # the force's own mask of a delivered turn
    app.query("repeat"),  # an answer that was lost on the way
):
    register(answer)
