use super::*;
use crate::template_tests;

#[test]
fn no_text_ends_the_data_block() {
    for text in template_tests::texts() {
        let page = Page {
            chrome: template_tests::chrome(&text),
            script: &SCRIPT,
            data: data(&text, true, None),
            endpoint: &text,
            token_url: text.clone(),
        };
        let rendered = template_tests::render(&page);
        let block =
            rendered.split_once("id=\"explorer-data\">").unwrap().1.split_once("</script>").unwrap().0;
        let read: Value = serde_json::from_str(block).unwrap();
        assert_eq!(read["publicEndpoint"], text.as_str());
        assert_eq!(read["examples"].as_array().unwrap().len(), 8);
    }
}

#[test]
fn members_are_not_offered_what_only_admins_can_ask() {
    let read: Value = serde_json::from_str(&data("", false, None)).unwrap();
    let names: Vec<&str> =
        read["examples"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["Products", "Products with their targets", "Who am I", "Create a product", "Report a deployment"]
    );
}

#[test]
fn an_example_takes_the_id_of_a_product_that_is_there() {
    let product = template_tests::subject("Shop").id;
    let text = data("", false, Some(&product));
    assert!(!text.contains("sbj_…") && text.contains(product.as_str()), "{text}");
    assert!(data("", false, None).contains(SOME_SUBJECT));
}
