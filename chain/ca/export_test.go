package ca

// BreakRegister has the register take no more lines.
func (o *Office) BreakRegister() error { return o.register.file.Close() }
