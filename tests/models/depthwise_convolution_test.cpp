#include "models/depthwise_convolution.h"

#include <gtest/gtest.h>

namespace archleak::models {
namespace {

struct Case {
  int64_t kernel, stride, dilation, height, width;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.kernel << "x" << c.kernel << " stride " << c.stride << " dilation " << c.dilation << " of " << c.height
       << "x" << c.width;
}

class DepthwiseConvolutionTest : public testing::TestWithParam<Case> {};

TEST_P(DepthwiseConvolutionTest, IsTheGeneralConvolutionWithItsGradients) {
  const Case c = GetParam();
  torch::manual_seed(1);
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  DepthwiseConvolution layer(6, c.kernel, c.stride, c.dilation);
  layer.to(torch::kFloat64);
  const auto input =
      torch::rand({3, 6, c.height, c.width}, options).contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_();
  const auto found = layer.forward(input);
  const auto expected = layer.torch::nn::Conv2dImpl::forward(input);  // as its options say
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_TRUE(torch::allclose(found, expected, 0, 1e-13));
  EXPECT_TRUE(found.is_contiguous(torch::MemoryFormat::ChannelsLast));
  const auto direction = torch::rand_like(expected);
  const auto gradients = [&](const torch::Tensor& output) {
    return torch::autograd::grad({output}, {input, layer.weight}, {direction});
  };
  const auto ours = gradients(found), theirs = gradients(expected);
  EXPECT_TRUE(torch::allclose(ours[0], theirs[0], 0, 1e-12));
  EXPECT_TRUE(torch::allclose(ours[1], theirs[1], 0, 1e-11));
}

INSTANTIATE_TEST_SUITE_P(Shapes, DepthwiseConvolutionTest,
                         testing::Values(Case{3, 1, 1, 8, 8}, Case{5, 2, 1, 8, 8}, Case{3, 1, 2, 9, 7},
                                         Case{5, 2, 2, 8, 8}, Case{5, 2, 2, 7, 9}, Case{3, 2, 2, 9, 8},
                                         Case{3, 2, 2, 1, 2}, Case{5, 3, 3, 11, 13}));

}  // namespace
}  // namespace archleak::models
