// MD5 (RFC 1321), which Kazoo's login needs and Web Crypto lacks. It protects nothing here.

const shifts = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
const sines = Uint32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));

/** Returns the MD5 of a text in UTF-8, as 32 hex digits. @param {string} text */
export function md5(text) {
  const bytes = new TextEncoder().encode(text);
  const padded = new DataView(new ArrayBuffer((((bytes.length + 8) >> 6) + 1) * 64));
  new Uint8Array(padded.buffer).set(bytes);
  padded.setUint8(bytes.length, 0x80);
  padded.setUint32(padded.byteLength - 8, bytes.length * 8, true);
  padded.setUint32(padded.byteLength - 4, Math.floor(bytes.length / 2 ** 29), true);
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < padded.byteLength; at += 64) block(state, padded, at);
  return Array.from(new Uint8Array(state.buffer), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint32Array} state @param {DataView} data @param {number} at */
function block(state, data, at) {
  let [a, b, c, d] = state;
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
    const word = [i, 5 * i + 1, 3 * i + 5, 7 * i][round] % 16;
    const sum = (a + mixed + sines[i] + data.getUint32(at + word * 4, true)) | 0;
    const shift = shifts[round][i % 4];
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}
