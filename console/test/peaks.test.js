import assert from "node:assert/strict";
import test from "node:test";
import { Buckets, bucketFor } from "../assets/buckets.js";
import { Mp3Cutter, frameAt } from "../assets/mp3.js";
import { OggCutter } from "../assets/ogg.js";
import { AHEAD, WINDOW, plan, totalOf, windows } from "../assets/ranges.js";
import { WavPeaks, alaw, id3Length, join, parseWav, ulaw } from "../assets/wav.js";

const ascii = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0));
const concat = (...parts) => parts.reduce(join, new Uint8Array(0));
const number = (bytes, value) => Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) & 255);
const chunk = (name, body) => concat(ascii(name), number(4, body.length), body, new Uint8Array(body.length & 1));

/** A WAV of frames; encode returns the bytes of one sample from -1 to 1. */
function wav({ format, bits, channels = 1, rate = 8000, frames, sample, encode, before = [], size }) {
  const fmt = concat(number(2, format), number(2, channels), number(4, rate), number(4, (rate * channels * bits) / 8), number(2, (channels * bits) / 8), number(2, bits));
  const data = [];
  for (let i = 0; i < frames; i++) for (let c = 0; c < channels; c++) data.push(...encode(sample(i, c)));
  const body = Uint8Array.from(data);
  const head = concat(ascii("data"), number(4, size ?? body.length));
  const riff = concat(ascii("WAVE"), ...before, chunk("fmt ", fmt), chunk("LIST", ascii("odd")), head, body);
  return concat(ascii("RIFF"), number(4, riff.length), riff);
}

const signed = (bytes) => (v) => number(bytes, Math.round(v * (2 ** (bytes * 8 - 1) - 1)) + (v < 0 ? 2 ** (bytes * 8) : 0));
const float = (v) => new Uint8Array(new Float32Array([v]).buffer);
const nearest = (decode) => (v) => [Array.from({ length: 256 }, (_, i) => i).reduce((a, b) => (Math.abs(decode(b) - v * 32768) < Math.abs(decode(a) - v * 32768) ? b : a))];
const formats = {
  "PCM of 8 bits": { format: 1, bits: 8, encode: (v) => [Math.round(v * 127) + 128] },
  "PCM of 16 bits": { format: 1, bits: 16, encode: signed(2) },
  "PCM of 24 bits": { format: 1, bits: 24, encode: signed(3) },
  "PCM of 32 bits": { format: 1, bits: 32, encode: signed(4) },
  floats: { format: 3, bits: 32, encode: float },
  "A-law": { format: 6, bits: 8, encode: nearest(alaw) },
  "µ-law": { format: 7, bits: 8, encode: nearest(ulaw) },
};

for (const [name, f] of Object.entries(formats)) {
  test(`peaks of WAV with ${name}, in windows of any length`, () => {
    // Left is loud for 50 ms, then half as loud, negative. Right is silent at first.
    const sample = (i, c) => (c === 0 ? (i < 400 ? 0.8 : -0.4) : i < 400 ? 0 : 0.2);
    const file = wav({ ...f, channels: 2, frames: 800, sample });
    for (const window of [file.length, 7, 333]) {
      const head = parseWav(file);
      const buckets = new Buckets(0.05);
      const peaks = new WavPeaks(head, buckets);
      assert.ok(Math.abs(peaks.duration(file.length) - 0.1) < 1e-9);
      for (let i = 0; i < file.length; i += window) peaks.push(file.subarray(i, i + window));
      assert.equal(buckets.length, 2);
      const got = buckets.channels.map((c) => [...c.slice(0, 2)]);
      [[0.8, 0.4], [0, 0.2]].forEach((want, c) => want.forEach((v, i) => assert.ok(Math.abs(got[c][i] - v) < 0.02, `window ${window}: channel ${c} has ${got[c]}`)));
    }
  });
}

test("A-law and µ-law have the values of G.711", () => {
  assert.deepEqual([0xd5, 0x55, 0xaa, 0x2a].map(alaw), [8, -8, 32256, -32256]);
  assert.deepEqual([0xff, 0x7f, 0x80, 0x00].map((v) => Math.abs(ulaw(v))), [0, 0, 32124, 32124]);
  assert.deepEqual([0x80, 0x00].map(ulaw), [32124, -32124]);
});

test("a WAV of unknown length goes on to the end of the file", () => {
  for (const size of [0, 0xffffffff]) {
    const file = wav({ ...formats["PCM of 16 bits"], frames: 8000, sample: () => 0.5, size });
    assert.equal(new WavPeaks(parseWav(file), new Buckets()).duration(file.length), 1);
  }
});

test("tags before a WAV are skipped, and bytes after its data are not audio", () => {
  const id3 = concat(ascii("ID3"), [4, 0, 0, 0, 0, 0, 5], new Uint8Array(5));
  const file = concat(id3, wav({ ...formats["PCM of 16 bits"], frames: 400, sample: () => 0.1 }), new Uint8Array(1000).fill(127));
  const buckets = new Buckets(0.05);
  new WavPeaks(parseWav(file), buckets).push(file);
  assert.equal(buckets.length, 1);
  assert.ok(Math.abs(buckets.channels[0][0] - 0.1) < 0.001);
  assert.equal(id3Length(file), 15);
});

test("a WAV that is not decoded here is not one", () => {
  for (const f of [{ format: 17, bits: 4 }, { format: 1, bits: 12 }, { format: 49, bits: 0 }]) assert.equal(parseWav(wav({ ...f, frames: 0, encode: () => [] })), undefined);
  for (const b of [new Uint8Array(0), ascii("RIFF"), ascii("RIFFxxxxAVI fmt "), ascii("no audio at all, but long enough")]) assert.equal(parseWav(b), undefined);
  const whole = wav({ ...formats["PCM of 16 bits"], frames: 0, sample: () => 0 });
  for (let n = 0; n < whole.length; n++) assert.equal(parseWav(whole.subarray(0, n)), undefined, `${n} bytes`);
});

test("buckets take the loudest sample and return what is new", () => {
  const b = new Buckets(0.01);
  b.add(0, Float32Array.of(...Array(80).fill(0.1), ...Array(80).fill(-0.9)), 0, 8000);
  assert.deepEqual([b.take(), b.length].flat(), [{ from: 0, peaks: [Float32Array.of(0.1, 0.9)] }, 2]);
  b.add(0, Float32Array.of(2), 0.5, 8000);
  const part = b.take();
  assert.equal(part.from, 1);
  assert.equal(part.peaks[0].length, 50);
  assert.equal(part.peaks[0].at(-1), 1);
  b.add(0, new Float32Array(8000 * 400), 0, 8000);
  assert.equal(b.length, 40000);
});

test("an hour has fewer buckets per second than a minute", () => {
  assert.deepEqual([0, 60, 3600].map(bucketFor), [0.05, 0.01, 0.05]);
});

/** A frame of MPEG-2.5 at 8 kHz and 16 kbit/s: 144 bytes, 72 ms. */
function frame(fill = 1) {
  const b = new Uint8Array(144).fill(fill);
  b.set([0xff, 0xe3, 0x28, 0xc4]);
  return b;
}

test("headers of MP3 frames", () => {
  assert.deepEqual(frameAt(frame(), 0), { size: 144, rate: 8000, samples: 576, id: 0xe308 });
  assert.deepEqual(frameAt(Uint8Array.of(0xff, 0xfb, 0x90, 0x64), 0), { size: 417, rate: 44100, samples: 1152, id: 0xfb00 });
  for (const bad of [[0xff, 0xfb, 0xf0, 0], [0xff, 0xfb, 0x00, 0], [0xff, 0xfb, 0x9c, 0], [0xff, 0xfd, 0x90, 0], [0xff, 0xeb, 0x90, 0], [0xfe, 0xfb, 0x90, 0]]) assert.equal(frameAt(Uint8Array.from(bad), 0), undefined, String(bad));
});

/** Cuts a file in windows and returns the pieces. */
function cut(cutter, file, window) {
  const pieces = [];
  for (let i = 0; i < file.length; i += window) pieces.push(...cutter.push(file.slice(i, i + window)));
  return [...pieces, ...cutter.push(new Uint8Array(0), true)];
}

test("MP3 is cut at frames, each piece with the frames before it, whatever the windows", () => {
  const info = frame(0);
  info.set(ascii("Info"), 17);
  const tag = concat(ascii("ID3"), [3, 0, 0, 0, 0, 1, 0], new Uint8Array(128).fill(0xff));
  const frames = Array.from({ length: 2500 }, (_, i) => frame((i % 100) + 1));
  const noise = Uint8Array.of(0xff, 0xfb, 1, 2, 3);
  const file = concat(tag, info, ...frames.slice(0, 1000), noise, ...frames.slice(1000), ascii("TAG"), new Uint8Array(125));
  for (const window of [file.length, 1000, 70000]) {
    const pieces = cut(new Mp3Cutter(), file, window);
    assert.ok(pieces.length >= 3, `${pieces.length} pieces`);
    let at = 0;
    for (const [i, p] of pieces.entries()) {
      assert.equal(p.rate, 8000);
      assert.ok(Math.abs(p.start - at) < 1e-6, `window ${window}: piece ${i} begins at ${p.start}, want ${at}`);
      assert.ok(frameAt(p.bytes, 0), `piece ${i} begins with a frame`);
      const own = Math.round(p.length / 0.072), lead = i ? 10 : 0;
      assert.ok(p.bytes.length >= (own + lead) * 144 && p.bytes.length <= (own + lead) * 144 + 5 + 128, `piece ${i} has ${p.bytes.length} bytes for ${own} frames`);
      at += p.length;
    }
    assert.ok(Math.abs(at - 2500 * 0.072) < 1e-6, `window ${window}: ${at} s`);
  }
});

test("bytes that only look like a frame do not begin an MP3", () => {
  const pieces = cut(new Mp3Cutter(), concat(Uint8Array.of(0xff, 0xfb, 0x90, 0x64), new Uint8Array(600), ...Array(20).fill(frame())), 100);
  assert.equal(pieces.length, 1);
  assert.ok(Math.abs(pieces[0].length - 20 * 0.072) < 1e-6);
});

/** A page of Ogg with one packet. */
function page(serial, granule, packet) {
  const lacing = [...Array(Math.floor(packet.length / 255)).fill(255), packet.length % 255];
  return concat(ascii("OggS"), [0, 0], number(8, granule), number(4, serial), number(8, 0), [lacing.length], Uint8Array.from(lacing), packet);
}

test("Ogg is cut at pages, each piece with the headers", () => {
  const headers = concat(page(7, 0, ascii("OpusHead-etc")), page(9, 0, ascii("other")), page(7, 0, ascii("OpusTags-etc")));
  const pages = Array.from({ length: 150 }, (_, i) => page(7, (i + 1) * 48000, new Uint8Array(600).fill(i)));
  const other = page(9, 5, new Uint8Array(50));
  const file = concat(headers, ...pages.slice(0, 70), other, ...pages.slice(70));
  for (const window of [file.length, 999]) {
    const pieces = cut(new OggCutter(), file, window);
    assert.deepEqual(pieces.map((p) => [p.start, p.length, p.rate]), [[0, 61, 48000], [61, 61, 48000], [122, 28, 48000]]);
    for (const p of pieces) assert.equal(new TextDecoder("latin1").decode(p.bytes).match(/OpusHead|OpusTags|other/g).join(), "OpusHead,OpusTags");
  }
});

test("ranges cover the audio once", () => {
  assert.deepEqual(plan(10, 4, 4), [[4, 7], [8, 9]]);
  assert.deepEqual(plan(4, 4, 4), []);
  const all = plan(57_600_078, WINDOW >> 3);
  assert.equal(all.reduce((n, [a, b]) => n + b - a + 1, WINDOW >> 3), 57_600_078);
  for (const [a, b] of all) assert.ok(b - a < 4_400_000);
  assert.deepEqual(["bytes 0-9/100", "bytes */100", null, "x"].map(totalOf), [100, undefined, undefined, undefined]);
});

test("windows arrive in order, and only some are requested ahead", async () => {
  const audio = Uint8Array.from({ length: 9 * WINDOW + 5 }, (_, i) => i >> 16);
  let running = 0, most = 0, size = 0;
  const get = async (from, to) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    running--;
    const part = audio.subarray(from, to + 1);
    return new Response(part, { status: 206, headers: { "content-range": `bytes ${from}-${from + part.length - 1}/${audio.length}` } });
  };
  let at = 0;
  for await (const bytes of windows(get, (n) => (size = n))) {
    assert.deepEqual(Buffer.compare(bytes, audio.subarray(at, at + bytes.length)), 0);
    at += bytes.length;
  }
  assert.equal(at, audio.length);
  assert.equal(size, audio.length);
  assert.ok(most <= AHEAD, `${most} requests at once`);
});

test("a server without ranges, an empty file and changed audio", async () => {
  const read = async (answer) => {
    const parts = [];
    for await (const b of windows(answer, () => {})) for (const v of b) parts.push(v);
    return parts;
  };
  assert.deepEqual(await read(async () => new Response(Uint8Array.of(1, 2, 3))), [1, 2, 3]);
  assert.deepEqual(await read(async () => new Response("", { status: 416 })), []);
  const short = async (from) => new Response(new Uint8Array(from ? 1 : WINDOW >> 3), { status: 206, headers: { "content-range": `bytes 0-1/${WINDOW}` } });
  await assert.rejects(read(short), /changed/);
});
