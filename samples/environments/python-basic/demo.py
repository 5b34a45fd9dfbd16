import numpy

print(numpy.array([1, 2, 3]) + 1)
