import io

import torch
from mosec import Server, Worker
from mosec.mixin import MsgpackMixin
from PIL import Image
from torchvision.models import ResNet18_Weights, resnet18


class Classify(MsgpackMixin, Worker):
    def __init__(self):
        self.weights = ResNet18_Weights.DEFAULT
        self.model = resnet18(weights=self.weights).eval()

    def forward(self, data):
        image = self.weights.transforms()(Image.open(io.BytesIO(data["image"]))).unsqueeze(0)
        with torch.no_grad():
            return self.weights.meta["categories"][self.model(image).argmax().item()]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Classify)
    server.run()
