#include "data/transform.h"

namespace archleak::data {

void describe(ConfigSection section, TransformOptions& options) {
  section.read("normalise", options.normalise, "subtract the dataset's mean and divide by its deviation");
  section.read("crop_padding", options.crop_padding, {.min = 0, .max = 64},
               "random crop of an image padded by so many pixels; 0 is off");
  section.read("flip", options.flip, "random horizontal flip");
  section.read("cutout", options.cutout, {.min = 0, .max = 1024}, "side of the cutout square in pixels; 0 is off");
}

}  // namespace archleak::data
