//! Identifiers that stand for a flag in code.

/// The words of a name in camel, Pascal, snake and upper snake case. Empty for a name of one word, which code uses for
/// other things as well.
pub(crate) fn aliases(name: &str) -> Vec<String> {
    let words = words(name);
    let starts_with_digit =
        words.first().is_none_or(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    if words.len() < 2 || starts_with_digit {
        return Vec::new();
    }
    let pascal: String = words.iter().map(|word| capitalized(word)).collect();
    let camel =
        format!("{}{}", words[0], words[1..].iter().map(|word| capitalized(word)).collect::<String>());
    let snake = words.join("_");
    let upper = snake.to_ascii_uppercase();
    let mut all = vec![camel, pascal, snake, upper];
    all.sort_unstable();
    all.dedup();
    all.retain(|alias| alias != name);
    all
}

/// The words in lower case. Empty if the name has other characters than letters, digits and separators.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        match letter {
            '-' | '_' | '.' | ' ' | '/' | ':' => words.push(String::new()),
            letter if letter.is_ascii_alphanumeric() => {
                if letter.is_ascii_uppercase() && was_lower {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.push(letter.to_ascii_lowercase());
                }
            }
            _ => return Vec::new(),
        }
        was_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_aliases_in_every_case() {
        assert_eq!(aliases("new-checkout"), ["NEW_CHECKOUT", "NewCheckout", "newCheckout", "new_checkout"]);
        assert_eq!(
            aliases("shop.New page"),
            ["SHOP_NEW_PAGE", "ShopNewPage", "shopNewPage", "shop_new_page"]
        );
        assert_eq!(
            aliases("PaymentProcessor"),
            ["PAYMENT_PROCESSOR", "paymentProcessor", "payment_processor"]
        );
        for name in ["beta", "", "-", "2-step", "größe-neu", "a'b c"] {
            assert_eq!(aliases(name), Vec::<String>::new(), "{name}");
        }
    }
}
