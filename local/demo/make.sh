#!/usr/bin/env bash
# Regenerates the demo recordings with espeak-ng (speech) and ffmpeg (encoding).
# Nothing else in the repository needs the two.
set -euo pipefail
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# record FILE CODEC-OPTIONS VOICE TEXT [VOICE TEXT]... makes a recording of a
# dialogue, with a pause after each turn.
record() {
	local out=$1 options=$2 n=0
	shift 2
	: >"$tmp/list"
	while [ $# -gt 0 ]; do
		espeak-ng -v "$1" -s 150 -w "$tmp/$n.wav" "$2"
		printf "file '%s'\nfile '%s'\n" "$tmp/$n.wav" "$tmp/pause.wav" >>"$tmp/list"
		n=$((n + 1))
		shift 2
	done
	# shellcheck disable=SC2086
	ffmpeg -y -loglevel error -f concat -safe 0 -i "$tmp/list" -map_metadata -1 -fflags +bitexact -ac 1 $options "$out"
}
ffmpeg -y -loglevel error -f lavfi -i anullsrc=r=22050:cl=mono -t 0.4 "$tmp/pause.wav"

mp3="-ar 16000 -b:a 24k"
vbr="-ar 16000 -q:a 8"
record 01-appointment.mp3 "$mp3" en-us "Good morning, this is the dental practice. How can I help you?" en-gb+f3 "Hello. I would like to move my appointment to Thursday at nine, please." en-us "Thursday at nine is fine. See you then."
record 02-order.mp3 "$vbr" en-us+f2 "Sales, good afternoon." en-us+m3 "Hi, I am calling about order four four one seven. Has it been shipped?" en-us+f2 "Yes, it left the warehouse this morning."
record 03-wrong-number.mp3 "$mp3" en-gb "Hello? Sorry, I think you have dialled the wrong number."
record 04-support.mp3 "$mp3" en-us+m2 "Support, you are speaking with the help desk." en-us+f4 "My phone does not ring any more, but I can call out." en-us+m2 "Please look whether do not disturb is switched on." en-us+f4 "Oh. Yes, it is. Thank you very much."
record 05-voicemail.wav "-ar 8000 -c:a pcm_s16le" en-us+f1 "I am not at my desk. Please leave a message."
record 06-delivery.mp3 "$vbr" en-gb+m1 "Your parcel is at the front door, please let me in."
record 07-interview.mp3 "$mp3" en-us "Thank you for taking the time. Tell me about your last project." en-us+m4 "We moved two thousand telephones to a new system over a weekend." en-us "That sounds like a long weekend."
record 08-invoice.ogg "-ar 16000 -c:a libopus -b:a 16k" en-us+f3 "I have a question about invoice nine zero two." en-us+m1 "One moment, I will look it up."
record 09-taxi.mp3 "$mp3" en-gb+m3 "A taxi to the main station, please, in ten minutes."
record 10-reminder.wav "-ar 8000 -c:a pcm_s16le" en-us "This is a reminder of your meeting at three."
record 11-complaint.mp3 "$vbr" en-us+f4 "This is the third time that I call about the same thing." en-us+m2 "I am sorry about that. I will take care of it myself and call you back today." en-us+f4 "I will wait for your call, then."
record 12-conference.mp3 "$mp3" en-gb "Shall we begin? First the numbers of last month." en-us+m3 "Calls went up by four percent, and waiting times went down." en-us+f2 "That is good news. What changed?" en-us+m3 "Two more people in the morning."
