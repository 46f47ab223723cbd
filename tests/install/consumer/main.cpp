// What another project does with the installed libraries: exits with 0 if a sum comes out right.
#include "core/fixed_point.h"

int main() {
  archleak::FixedPointSum sum(1, 32);
  const std::vector<float> values{2};
  sum.add(values, 3);
  return sum.mean()[0] == 2 ? 0 : 1;
}
