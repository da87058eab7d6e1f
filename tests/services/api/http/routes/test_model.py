def test_card_has_contract_metrics_and_lineage(client, bearer, contract, lineage):
    card = client.get("/v1/model", headers=bearer()).json()

    assert (card["name"], card["version"]) == ("orchard", "7")
    assert [feature["name"] for feature in card["contract"]["features"]] == [f.name for f in contract.features]
    assert card["metrics"]["test"]["roc_auc"] == 0.8
    assert card["metrics"]["slices"][0]["column"] == "kind"
    assert card["lineage"]["run_id"] == lineage.run_id
