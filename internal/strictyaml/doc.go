// Package strictyaml decodes one YAML document that a person wrote into a
// struct, and refuses whatever could be a misunderstanding.
//
// What enters: bytes and a pointer to a struct with yaml tags. What leaves: the
// filled struct, or an [Error] that lists every problem at once.
//
// Invariants:
//
//  1. A field that the struct does not have is refused by name; so is one that
//     is given twice or is null. Nothing is ignored. The error names the field that
//     was probably meant.
//  2. Anchors, aliases and merge keys are refused: they let a few bytes stand
//     for many.
//  3. Bytes and depth are bounded before anything is decoded.
package strictyaml
