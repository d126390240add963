package curve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// digits are those of Z85 by their value (RFC 32/Z85).
const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// EncodeZ85 returns data, whose length is a multiple of 4, as text: 5 characters for 4 bytes.
func EncodeZ85(data []byte) string {
	text := make([]byte, 0, len(data)/4*5)
	for ; len(data) >= 4; data = data[4:] {
		value := binary.BigEndian.Uint32(data)
		for divisor := uint32(85 * 85 * 85 * 85); divisor > 0; divisor /= 85 {
			text = append(text, digits[value/divisor%85])
		}
	}
	return string(text)
}

// DecodeZ85 is the inverse of EncodeZ85. Its errors do not repeat the text, which may be a secret.
func DecodeZ85(text string) ([]byte, error) {
	if len(text)%5 != 0 {
		return nil, fmt.Errorf("%d characters: Z85 has a multiple of 5", len(text))
	}
	data := make([]byte, 0, len(text)/5*4)
	for ; len(text) > 0; text = text[5:] {
		var value uint64
		for _, c := range []byte(text[:5]) {
			digit := strings.IndexByte(digits, c)
			if digit < 0 {
				return nil, errors.New("a character that is not in Z85's alphabet")
			}
			value = 85*value + uint64(digit)
		}
		if value > math.MaxUint32 {
			return nil, errors.New("five characters that stand for more than 32 bits")
		}
		data = binary.BigEndian.AppendUint32(data, uint32(value))
	}
	return data, nil
}
