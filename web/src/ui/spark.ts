// A sparkline on a canvas: the last day, half hour by half hour, and the live tip.
import { token } from "../lib/settings.ts";

const WIDTH = 98;
const HEIGHT = 26;

export function drawSpark(canvas: HTMLCanvasElement, values: Float64Array, tip: number, up: boolean): void {
  const scale = devicePixelRatio || 1;
  if (canvas.width !== WIDTH * scale) {
    canvas.width = WIDTH * scale;
    canvas.height = HEIGHT * scale;
  }
  const pen = canvas.getContext("2d")!;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, WIDTH, HEIGHT);
  const all = Number.isNaN(tip) ? values : appended(values, tip);
  let [low, high, seen] = [Infinity, -Infinity, 0];
  for (const value of all) {
    if (Number.isNaN(value)) continue;
    seen++;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (seen < 2) return;
  const span = high - low || 1;
  const x = (place: number) => 1 + (place / (all.length - 1)) * (WIDTH - 5);
  const y = (value: number) => 3 + (1 - (value - low) / span) * (HEIGHT - 6);
  const color = token(up ? "up" : "down");
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = 1.25;
  pen.lineJoin = "round";
  for (const [first, last] of runs(all)) drawRun(pen, { all, first, last, x, y });
  pen.globalAlpha = 1;
  const end = all.length - 1;
  if (!Number.isNaN(all[end]!)) {
    pen.beginPath();
    pen.arc(x(end), y(all[end]!), 1.8, 0, 7);
    pen.fill();
  }
}

function appended(values: Float64Array, last: number): Float64Array {
  const all = new Float64Array(values.length + 1);
  all.set(values);
  all[values.length] = last;
  return all;
}

/** Runs of known values: a gap is drawn as a gap. */
function* runs(all: Float64Array): Generator<[number, number]> {
  let first = -1;
  for (let place = 0; place <= all.length; place++) {
    const known = place < all.length && !Number.isNaN(all[place]!);
    if (known && first < 0) first = place;
    if (!known && first >= 0) {
      yield [first, place - 1];
      first = -1;
    }
  }
}

interface Run {
  all: Float64Array;
  first: number;
  last: number;
  x: (place: number) => number;
  y: (value: number) => number;
}

function drawRun(pen: CanvasRenderingContext2D, { all, first, last, x, y }: Run): void {
  pen.beginPath();
  for (let place = first; place <= last; place++) pen.lineTo(x(place), y(all[place]!));
  pen.globalAlpha = 1;
  pen.stroke();
  pen.lineTo(x(last), HEIGHT);
  pen.lineTo(x(first), HEIGHT);
  pen.globalAlpha = 0.16;
  pen.fill();
}
