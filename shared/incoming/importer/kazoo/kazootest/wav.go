package kazootest

import "encoding/binary"

// The audio format: telephone quality with 16 bits per sample.
const (
	sampleRate  = 8000
	sampleBytes = 2
)

// wav returns a WAV file with 0.05 to 0.1 s of noise, different each time. Its
// header (RIFF, fmt and data) has 44 bytes.
func (g *generator) wav() []byte {
	samples := sampleRate/20 + 4*g.IntN(sampleRate/80)
	size := uint32(samples * sampleBytes)
	b := make([]byte, 0, 44+size)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, 36+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // one channel
	b = binary.LittleEndian.AppendUint32(b, sampleRate)
	b = binary.LittleEndian.AppendUint32(b, sampleRate*sampleBytes)
	b = binary.LittleEndian.AppendUint16(b, sampleBytes)
	b = binary.LittleEndian.AppendUint16(b, 8*sampleBytes)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, size)
	for range samples / 4 {
		b = binary.LittleEndian.AppendUint64(b, g.Uint64()) // four samples
	}
	return b
}
