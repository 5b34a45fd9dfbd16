import torch
from torchvision.models import resnet18

model, data = resnet18(), torch.randn(8, 3, 224, 224)
with torch.profiler.profile(on_trace_ready=torch.profiler.tensorboard_trace_handler("log")):
    model(data)
