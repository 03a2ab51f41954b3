#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plots of what bench/load/measure.py load left: plot.py DATA.json PREFIX makes PREFIX-streams.svg and PREFIX-delay.svg."""
import json
import math
import sys

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 36, 48
COLORS = {"limen": "#1f6fb2", "testpmd": "#8a8a8a"}
DASHES = {"p50": "", "p99": "6 3", "p99.9": "2 3"}


class Axis:
    """A value to a place between two ends of the picture; logarithmic by request."""

    def __init__(self, low, high, first, last, log):
        self.scale = math.log10 if log else float
        self.low, self.high, self.first, self.last, self.log = self.scale(low), self.scale(high), first, last, log

    def at(self, value):
        return self.first + (self.scale(value) - self.low) / (self.high - self.low) * (self.last - self.first)

    def ticks(self):
        if self.log:
            return [10 ** n for n in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)]
        step = 10 ** math.floor(math.log10(self.high - self.low))
        step = next(step * by for by in (0.1, 0.2, 0.5, 1, 2) if (self.high - self.low) / (step * by) <= 8)
        return [n * step for n in range(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1)]


def number(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def text(x, y, what, anchor="middle", more=""):
    what = what.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{what}</text>'


def plot(path, title, x_name, y_name, series, log_x, log_y):
    """series: (name, color, dashes, [(x, y)])."""
    points = [point for _, _, _, line in series for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x = Axis(min(xs) if log_x else 0, max(xs) * (1 if log_x else 1.02), LEFT, WIDTH - RIGHT, log_x)
    y = Axis(10 ** math.floor(math.log10(min(ys))) if log_y else 0, 10 ** math.ceil(math.log10(max(ys))) if log_y else max(ys) * 1.1,
             HEIGHT - BOTTOM, TOP, log_y)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           text((LEFT + WIDTH - RIGHT) / 2, 20, title, more=' font-size="14"')]
    for tick in x.ticks():
        out += [f'<line x1="{x.at(tick):.1f}" y1="{TOP}" x2="{x.at(tick):.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>',
                text(x.at(tick), HEIGHT - BOTTOM + 16, number(tick))]
    for tick in y.ticks():
        out += [f'<line x1="{LEFT}" y1="{y.at(tick):.1f}" x2="{WIDTH - RIGHT}" y2="{y.at(tick):.1f}" stroke="#e4e4e4"/>',
                text(LEFT - 6, y.at(tick) + 4, number(tick), "end")]
    out += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_name),
            text(16, (TOP + HEIGHT - BOTTOM) / 2, y_name, more=f' transform="rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2:.1f})"')]
    for n, (name, color, dashes, line) in enumerate(series):
        way = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in line)
        stroke = f'stroke="{color}" stroke-width="2"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
        at = TOP + 14 + 20 * n
        out += [f'<polyline points="{way}" fill="none" {stroke}/>',
                *(f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="2.5" fill="{color}"/>' for a, b in line),
                f'<line x1="{WIDTH - RIGHT + 10}" y1="{at}" x2="{WIDTH - RIGHT + 40}" y2="{at}" {stroke}/>',
                text(WIDTH - RIGHT + 46, at + 4, name, "start")]
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n</svg>\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        data = json.load(file)
    rates = sorted(data["rate_over_streams"], key=lambda row: row["streams"])
    plot(f"{sys.argv[2]}-streams.svg", "RTP relayed, both ways together, over net_memif", "streams", "Mpps",
         [(who, color, "", [(row["streams"], row[who]) for row in rates]) for who, color in COLORS.items()], True, False)
    curves = data["delay_over_load"]
    plot(f"{sys.argv[2]}-delay.svg", "Delay added, 1,000 streams over net_memif", "Mpps", "us",
         [(f"{who} {q}", color, dashes, [(row["mpps"], row[q]) for row in curves[who]])
          for who, color in COLORS.items() for q, dashes in DASHES.items()], False, True)


if __name__ == "__main__":
    main()
