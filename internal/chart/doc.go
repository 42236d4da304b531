// Package chart draws numbers over rounds as a picture.
//
// What enters: names and numbers. What leaves: an SVG document.
//
// Invariants:
//
//  1. The document is a function of the arguments, byte by byte: coordinates are
//     rounded to hundredths before they are written.
//  2. Names are escaped; a number that is not finite is a gap.
//  3. The document is a few kilobytes and one line for each number, whatever the
//     numbers are.
package chart
