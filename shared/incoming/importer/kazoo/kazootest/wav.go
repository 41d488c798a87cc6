package kazootest

import "encoding/binary"

// What recordings sound like: telephone speech of 16 bits a sample.
const (
	sampleRate  = 8000
	sampleBytes = 2
)

// wav is a twentieth to a tenth of a second of noise, and no two are alike. Its
// header has 44 bytes (RIFF, fmt and data).
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
