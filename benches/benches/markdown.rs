//! What it costs to make an answer into Telegram's text and entities, whole and while it is being written.

use std::hint::black_box;

use arash_telegram::markdown::{MAX_MESSAGE_LEN, convert, preview, split};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A section of an answer as models write it, with a bit of everything.
const SECTION: &str = "## Comparing **Rust** and *Go*

Rust is usually faster, because memory is managed at compile time; see [the book](https://doc.rust-lang.org/book/).

1. **No garbage collector**: pauses are short
2. **Zero-cost abstractions**: `Iterator` compiles to a loop
   - inlined
   - vectorised

```rust
fn main() {
    println!(\"Hello, {}\", \"world\");
}
```

| | Rust | Go |
|---|---|---|
| GC | no | yes |

> Choose what your team knows. سلام، حال شما چطور است؟

";

fn markdown(criterion: &mut Criterion) {
    for (name, length) in [("4KiB", 4 * 1024), ("100KiB", 100 * 1024)] {
        let answer = SECTION.repeat(length / SECTION.len() + 1);
        let mut group = criterion.benchmark_group(format!("markdown/{name}"));
        group.throughput(Throughput::Bytes(answer.len() as u64));
        group.bench_function("convert", |bencher| bencher.iter(|| convert(black_box(&answer))));
        group.bench_function("preview", |bencher| bencher.iter(|| preview(black_box(&answer))));
        let converted = convert(&answer);
        group.bench_function("split", |bencher| bencher.iter(|| split(black_box(&converted), MAX_MESSAGE_LEN)));
        group.finish();
    }
}

criterion_group!(benches, markdown);
criterion_main!(benches);
