#pragma once

#include <functional>
#include <vector>

namespace nestbox::bench {

/// Milliseconds that passed since it was made.
class Stopwatch {
public:
  Stopwatch();
  double milliseconds() const;

private:
  double m_started;
};

/// The middle value (the mean of the two middle ones); `samples` must not be empty.
double median(std::vector<double> samples);

/// A measured thing: each call is one sample. What it returns is what it measured, in a unit of its
/// own.
using Measure = std::function<double()>;

/// The medians of several things measured in turns (A B C A B C …), so that a change of the host's
/// mood meets all of them. `warm_up` rounds come first and do not count.
std::vector<double> interleaved_medians(const std::vector<Measure>& measures, int rounds,
                                        int warm_up = 1);

}  // namespace nestbox::bench
