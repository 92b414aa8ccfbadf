"""Store formats after GB/T 18106-2021, Classification of retail formats (零售业态分类), in force since 1 October 2021.

Source of the list: the store formats of the 2004 edition, which are public, changed as the foreword of the 2021 edition
says (m.bzxz.net/en/eb8e3242824038a37.html): it drops the grocery store (食杂店), folds hypermarkets into supermarkets,
building material stores into specialty stores and factory outlets into shopping centres, and adds the collection store
and the unmanned store. The finer classes inside a format (supermarkets by area and by
share of fresh food, kinds of convenience store) are not listed here: their text was not available to check. Retail
without a store (online, television, vending equipment, mobile) has no place in a registry of stores.
"""

from __future__ import annotations

from enum import Enum


class StoreFormat(Enum):
    """A format's code in files, tables and interfaces, with its names."""

    def __init__(self, code: str, name_en: str, name_zh: str) -> None:
        self.code = code
        self.name_en = name_en
        self.name_zh = name_zh

    CONVENIENCE_STORE = ("convenience_store", "convenience store", "便利店")
    SUPERMARKET = ("supermarket", "supermarket", "超市")
    DISCOUNT_STORE = ("discount_store", "discount store", "折扣店")
    WAREHOUSE_CLUB = ("warehouse_club", "warehouse membership store", "仓储会员店")
    DEPARTMENT_STORE = ("department_store", "department store", "百货店")
    SHOPPING_CENTRE = ("shopping_centre", "shopping centre", "购物中心")
    OUTLET_SHOPPING_CENTRE = ("outlet_shopping_centre", "outlet shopping centre", "奥特莱斯型购物中心")
    """Within the format shopping centre; listed on its own because the smart store guide names outlets apart."""
    SPECIALTY_STORE = ("specialty_store", "specialty store", "专业店")
    BRAND_STORE = ("brand_store", "exclusive brand store", "品牌专卖店")
    COLLECTION_STORE = ("collection_store", "collection store", "集合店")
    UNMANNED_STORE = ("unmanned_store", "unmanned store", "无人值守商店")


FORMATS = {store_format.code: store_format for store_format in StoreFormat}
"""The formats by code."""
