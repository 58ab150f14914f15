pub fn json() {}
