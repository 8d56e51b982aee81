#!/usr/bin/env node
// The command itself is built (dist/main.js); this file is there before the first build, so that npm can link it.
import '../dist/main.js';
