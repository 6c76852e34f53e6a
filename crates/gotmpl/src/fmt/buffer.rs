//! Output with a bound.

use std::fmt;

/// Bytes that grow up to a bound.
#[derive(Debug)]
pub struct Buffer<'b> {
    bytes: &'b mut Vec<u8>,
    length_max: usize,
    /// How many times something was appended or done for it, and how many times it may be.
    pushes: usize,
    pushes_max: usize,
}

/// A buffer has reached its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl<'b> Buffer<'b> {
    /// Appends to these bytes as long as they are at most `length_max` together.
    pub fn new(bytes: &'b mut Vec<u8>, length_max: usize) -> Self {
        Self {
            bytes,
            length_max,
            pushes: 0,
            pushes_max: usize::MAX,
        }
    }

    /// Also bounds how many times something may be appended, which is what takes time.
    #[must_use]
    pub fn with_pushes_max(self, pushes_max: usize) -> Self {
        Self { pushes_max, ..self }
    }

    /// Counts work that appends nothing, or takes longer than what it appends.
    ///
    /// # Errors
    /// There was too much of it.
    pub fn work(&mut self, pushes: usize) -> Result<(), Full> {
        self.pushes = self.pushes.saturating_add(pushes);
        if self.pushes >= self.pushes_max {
            return Err(Full);
        }
        Ok(())
    }

    /// How many times something was appended, work included.
    #[must_use]
    pub fn pushes(&self) -> usize {
        self.pushes
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Says whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends bytes, all or none.
    ///
    /// # Errors
    /// They do not fit.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.take_room(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn take_room(&mut self, count: usize) -> Result<(), Full> {
        let room = self.length_max.saturating_sub(self.bytes.len());
        if count > room || self.pushes >= self.pushes_max {
            return Err(Full);
        }
        self.pushes += 1;
        Ok(())
    }

    /// Appends a character.
    ///
    /// # Errors
    /// It does not fit.
    pub fn push_char(&mut self, char: char) -> Result<(), Full> {
        self.push(char.encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// Appends a byte many times.
    ///
    /// # Errors
    /// They do not fit.
    pub fn fill(&mut self, byte: u8, count: usize) -> Result<(), Full> {
        self.take_room(count)?;
        self.bytes.resize(self.bytes.len() + count, byte);
        Ok(())
    }
}

impl fmt::Write for Buffer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes()).map_err(|Full| fmt::Error)
    }
}
