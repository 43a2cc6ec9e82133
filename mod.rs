mod arguments; mod handler; mod parser; mod texts;
pub use arguments::*; pub use handler::*; pub use parser::*; pub use texts::*;
