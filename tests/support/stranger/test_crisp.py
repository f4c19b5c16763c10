from bench.testing import MethodConformance


class TestCrisp(MethodConformance):
    method = "crisp"
