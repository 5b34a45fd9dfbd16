from mosec import Server, Worker
from transformers import pipeline


class Generate(Worker):
    def __init__(self):
        self.generate = pipeline("text-generation", model="distilgpt2")

    def forward(self, data):
        return self.generate(data["prompt"], max_new_tokens=50)[0]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Generate)
    server.run()
