#include "benchmarks/sample.hpp"

#include <algorithm>
#include <chrono>

namespace nestbox::bench {

namespace {

double now() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Stopwatch::Stopwatch() : m_started(now()) {}

double Stopwatch::milliseconds() const {
  return now() - m_started;
}

double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  return samples.size() % 2 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

std::vector<double> interleaved_medians(const std::vector<Measure>& measures, int rounds,
                                        int warm_up) {
  std::vector<std::vector<double>> samples(measures.size());
  for (int round = -warm_up; round < rounds; ++round) {
    for (std::size_t i = 0; i < measures.size(); ++i) {
      const double sample = measures[i]();
      if (round >= 0)
        samples[i].push_back(sample);
    }
  }
  std::vector<double> medians;
  for (auto& each : samples)
    medians.push_back(median(std::move(each)));
  return medians;
}

}  // namespace nestbox::bench
