#!/usr/bin/env bash
# Makes the files again, and durations.txt with their durations in seconds
# according to ffprobe. It needs ffmpeg. For an mp3 without a Xing header ffprobe
# only estimates, so the duration is that of the decoded audio. For chained
# streams it is the sum, as ffprobe looks at one stream only.
set -euo pipefail
cd "$(dirname "$0")"
rm -f ./*.mp3 ./*.wav ./*.ogg ./*.m4a durations.txt

# make NAME SECONDS RATE CHANNELS OPTIONS… makes a changing tone, for VBR.
make() {
	local name=$1 seconds=$2 rate=$3 channels=$4
	shift 4
	ffmpeg -y -loglevel error -f lavfi -i "aevalsrc='0.3*sin(2*PI*t*(200+300*mod(t,0.7)))*(0.2+0.8*gt(sin(9*t),0))':s=$rate:d=$seconds" \
		-ac "$channels" -map_metadata -1 -fflags +bitexact "$@" "$name"
}
probed() { ffprobe -v error -show_entries format=duration -of csv=p=0 "$1"; }
decoded() { ffmpeg -loglevel info -i "$1" -f null - 2>&1 | tr '\r' '\n' | sed -n 's/.*time=\([0-9:.]*\).*/\1/p' | tail -1 | awk -F: '{print $1*3600+$2*60+$3}'; }
note() { echo "$1 $2" >>durations.txt; }

make cbr-8khz.mp3 2.3 8000 1 -b:a 8k -write_xing 0
make cbr-11khz.mp3 1.1 11025 1 -b:a 16k -write_xing 0
make cbr-44khz-stereo.mp3 0.9 44100 2 -b:a 64k -write_xing 0 -id3v2_version 0
make one-frame.mp3 0.03 44100 1 -b:a 32k -write_xing 0 -id3v2_version 0
make vbr-8khz-plain.mp3 2.3 8000 1 -q:a 7 -write_xing 0
for f in cbr-8khz cbr-11khz cbr-44khz-stereo one-frame vbr-8khz-plain; do note $f.mp3 "$(decoded $f.mp3)"; done

make cbr-xing-8khz.mp3 2.3 8000 1 -b:a 16k
make vbr-16khz.mp3 2.3 16000 1 -q:a 9
make vbr-48khz-stereo.mp3 1.5 48000 2 -q:a 9 -metadata title=tone -write_id3v1 1
make pcm-u8.wav 0.6 8000 1 -c:a pcm_u8
make pcm-24-stereo.wav 0.1 48000 2 -c:a pcm_s24le
make float.wav 0.2 8000 1 -c:a pcm_f32le
make alaw.wav 1.2 8000 1 -c:a pcm_alaw
make mulaw-stereo.wav 0.7 8000 2 -c:a pcm_mulaw
make adpcm-ms.wav 1.3 8000 1 -c:a adpcm_ms
make adpcm-ima.wav 1.3 8000 1 -c:a adpcm_ima_wav
make g726.wav 1 8000 1 -c:a g726 -b:a 32k
make mp3-inside.wav 1.4 16000 1 -c:a libmp3lame -q:a 9
make rf64.wav 0.4 8000 1 -c:a pcm_s16le -rf64 always
make streamed.tmp.wav 0.4 8000 1 -c:a pcm_s16le -f wav pipe:1 >/dev/null 2>&1 || true
rm -f streamed.tmp.wav
ffmpeg -loglevel error -i alaw.wav -t 0.5 -c:a pcm_s16le -fflags +bitexact -f wav - | cat >streamed.wav
make opus-8khz.ogg 2.2 8000 1 -c:a libopus -b:a 8k
make opus-stereo-60ms.ogg 1.7 48000 2 -c:a libopus -b:a 16k -frame_duration 60
make vorbis.ogg 1.6 16000 1 -c:a libvorbis -q:a 0
make aac-8khz.m4a 2.1 8000 1 -c:a aac -b:a 12k
make aac-44khz-faststart.m4a 1.2 44100 2 -c:a aac -b:a 24k -movflags +faststart
make alac.m4a 0.6 8000 1 -c:a alac
make aac-fragments.m4a 4.3 8000 1 -c:a aac -b:a 8k -movflags +frag_keyframe+empty_moov -frag_duration 1000000
make aac-hybrid.m4a 2.3 8000 1 -c:a aac -b:a 8k -movflags +frag_keyframe -frag_duration 1000000
make aac-unplaced.m4a 2.3 8000 1 -c:a aac -b:a 8k -f ismv -frag_duration 1000000
for f in *.mp3 *.wav *.ogg *.m4a; do grep -q "^$f " durations.txt || note "$f" "$(probed "$f")"; done

# Two chained streams.
cat opus-8khz.ogg vorbis.ogg >chained.ogg
note chained.ogg "$(awk '$1=="opus-8khz.ogg"||$1=="vorbis.ogg"{n+=$2} END{print n}' durations.txt)"
sort -o durations.txt durations.txt
